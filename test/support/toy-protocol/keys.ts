import Type from 'typebox';
import type { Config } from '../../../agent/config/load/load.ts';
import type { SourceKeys } from '../../../agent/config/schema/common/key-rules.ts';
import type { ServerKeys, ServerSettings } from '../../../agent/config/schema/common/server-keys.ts';
import { Address } from '../../../agent/config/values/address.ts';

const schema = {
  toy: Type.Boolean({ default: true, description: 'Open the toy server.' }),
  toyAddress: Address(':7000', 'Port of the toy server.'),
};

export const TOY: ServerKeys<typeof schema> = {
  schema,
  listeners: ({ toy, toyAddress }) => (toy ? [{ key: 'toyAddress', address: toyAddress }] : []),
  faults: () => [],
  inert: [],
  renamed: {},
};

export const TOY_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['toy'],
  example: 'toy://192.168.1.20:7000/stream',
  schema: {},
  faults: () => [],
  inert: [],
  renamed: {},
};

/** The toy's settings. Outside of its file they have no static type. */
export const toySettings = (config: Config) => config as Config & ServerSettings<typeof schema>;
