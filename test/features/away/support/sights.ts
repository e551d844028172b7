import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [
  ['away-boxes', '#/settings/cameras/away', '.calling-boxes .button'],
  ['away-servers', '#/settings/people/away', '.called-servers .button'],
];
