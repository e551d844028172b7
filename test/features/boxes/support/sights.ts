import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [
  ['boxes', '#/settings/cameras/boxes', '.other-boxes .button'],
  ['fetch', '#/settings/storage/fetch', '.source-disks'],
  ['paired', '#/settings/people/paired', '.paired-servers .button, .paired-servers .message-card'],
];
