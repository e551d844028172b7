import { ARCHIVE_KEYS, archiveFaults, PATH_ARCHIVE_KEYS } from '../../features/archive/keys.ts';
import type { FeatureKeys } from './feature-keys.ts';

/** Keys of features whose settings other rooms read by type. */
export const OWN_FEATURES: readonly FeatureKeys[] = [
  {
    title: 'Recordings and archive',
    schema: ARCHIVE_KEYS,
    pathSchema: PATH_ARCHIVE_KEYS,
    isRight: true,
    faults: archiveFaults,
  },
];
