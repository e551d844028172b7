import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [
  ['objects', '#/settings/cameras/objects', '.objects-page .costs, .objects-page .message-card'],
];
