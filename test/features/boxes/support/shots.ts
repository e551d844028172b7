import { settled } from '../../../peers/browser/page-visit.ts';
import type { Shot } from '../../../screenshots/shots.ts';

export const shots = (): readonly Shot[] => [
  {
    ...{ name: 'box-add', place: '#/settings/cameras/boxes', sign: '.other-boxes .button' },
    act: async (page) => {
      await page.locator('.other-boxes > .button').click();
      await settled(page, '.sheet');
    },
  },
];
