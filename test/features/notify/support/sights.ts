import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [
  ['notifications', '#/settings/notifications', '.notifications .card, .notifications p'],
];
