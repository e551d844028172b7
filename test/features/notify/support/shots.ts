import { settled } from '../../../peers/browser/page-visit.ts';
import type { Shot } from '../../../screenshots/shots.ts';

export const shots = (): readonly Shot[] => [
  {
    ...{ name: 'notifications-email', place: '#/settings/notifications', sign: '.notifications select' },
    act: async (page) => {
      const kinds = page.locator('.notifications select').last();
      await page.waitForFunction(
        () => (document.querySelector('.notifications select:last-of-type')?.children.length ?? 0) > 1,
      );
      await kinds.selectOption('1');
      await settled(page, '.notifications .main');
    },
  },
];
