import { settled } from '../../../peers/browser/page-visit.ts';
import type { Shot } from '../../../screenshots/shots.ts';

export const shots = (): readonly Shot[] => [
  {
    ...{ name: 'rule-new', place: '#/settings/rules', sign: '.settings-page .button' },
    act: async (page) => {
      await page.locator('.settings-page .button').first().click();
      await settled(page, '.word-choice');
      await page.locator('[data-word=time]').click();
      await settled(page, '.word-choice .switch');
    },
  },
];
