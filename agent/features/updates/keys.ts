import Type from 'typebox';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';

const schema = {
  updateAddress: Type.String({
    default: '',
    syntax: 'askedUrl',
    description:
      'URL of a folder with updates of Perch (`perch-update.json`). It is read only when the owner looks for updates, and for `perch-objects` when objects are switched on without it.',
  }),
};

export const UPDATES: FeatureKeys<typeof schema> = { title: 'Updates', schema };
