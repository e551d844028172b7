import type { Sight } from '../../../peers/browser/page-visit.ts';

export const sights: readonly Sight[] = [
  ['move', '#/settings/storage/move', '.transfer .choices'],
  ['import', '#/settings/storage/import', '.source-disks'],
  ['import-recorder', '#/settings/storage/recorder', '.transfer form'],
];
