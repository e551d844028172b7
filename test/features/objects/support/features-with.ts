import { FEATURES } from '../../../../agent/app/features/table.ts';
import type { Feature } from '../../../../agent/features/contract.ts';
import { objectsFeature } from '../../../../agent/features/objects/feature.ts';

/** All features; the models for objects, or the memory of the box, are those of the test. */
export const featuresWith = (options: Parameters<typeof objectsFeature>[0]): readonly Feature[] =>
  FEATURES.map((feature) => (feature.name === 'objects' ? objectsFeature(options) : feature));
