import Type from 'typebox';
import { Switch } from '../../../agent/config/schema/common/fields.ts';
import type { FeatureKeys } from '../../../agent/config/schema/feature-keys.ts';
import { Address } from '../../../agent/config/values/address.ts';

const schema = {
  toy: Switch(false, 'Open the toy.'),
  toyAddress: Address(':7000', 'Port of the toy.'),
  toyToken: Type.String({ default: '', secret: true, isRight: true, description: 'Token of the toy.' }),
};
const pathSchema = {
  toyColour: Type.String({ default: 'red', isLive: true, description: 'Colour of the toy.' }),
};

export const TOY: FeatureKeys<typeof schema, typeof pathSchema> = {
  title: 'Toy',
  schema,
  pathSchema,
  faults: ({ toy, toyToken }) => (toy && toyToken === '' ? [{ key: 'toy', message: 'needs toyToken' }] : []),
  listeners: ({ toy, toyAddress }) => (toy ? [{ key: 'toyAddress', address: toyAddress, isOfPerch: true }] : []),
};
