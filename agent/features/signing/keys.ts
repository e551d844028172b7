import Type, { type TProperties } from 'typebox';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';

const pathSchema = {
  recordSign: Type.Boolean({
    isLive: true,
    default: false,
    description:
      'Sign recordings with the key of the box, so that `perch verify` tells whether their pictures have changed since.',
  }),
};

export const SIGNING: FeatureKeys<TProperties, typeof pathSchema> = {
  title: 'Signed recordings',
  schema: {},
  pathSchema,
};
