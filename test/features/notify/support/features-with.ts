import { FEATURES } from '../../../../agent/app/features/table.ts';
import type { Feature } from '../../../../agent/features/contract.ts';
import { notifyFeature } from '../../../../agent/features/notify/feature.ts';

/** All features; notifications reach servers of the test. */
export const featuresWith = (options: Parameters<typeof notifyFeature>[0]): readonly Feature[] =>
  FEATURES.map((feature) => (feature.name === 'notify' ? notifyFeature(options) : feature));
