import Type, { type Static, type TSchema } from 'typebox';
import { formerNames } from '../../../config/edit/posted.ts';
import type { ConfigKeys } from '../../../config/schema/config-keys.ts';
import type { SchemaNode } from '../../../config/schema/node.ts';
import { OrNull } from '../schema/schemas.ts';

const WORDS = ['yes', 'no', 'true', 'false', 'on', 'off'];

/** Schemas of answers and requests with the settings of these keys. */
export function configSchemas(keys: ConfigKeys) {
  const path = shownObject(keys.path.schema);
  return {
    /** Every key, quantities as text, `<redacted>` instead of secrets. */
    ShownGlobal: shownObject(keys.global.schema),
    ShownDefaults: path,
    ShownPath: Type.Object({
      name: Type.String(),
      ...path.properties,
      error: Type.Optional(Type.String({ description: 'Why the path is disabled; it has no settings then.' })),
    }),
    /** Any of the keys. */
    SentGlobal: sentObject(keys.global.schema, formerNames('global', keys)),
    SentPath: sentObject(keys.path.schema, formerNames('path', keys)),
  };
}

export const ForecastAnswer = Type.Object({
  restarts: Type.Array(Type.String(), { description: 'Paths whose stream and recording restart.' }),
  recordings: Type.Array(Type.String(), {
    description: 'Paths whose recording starts or stops; their stream continues.',
  }),
});

export const SourceTestAnswer = Type.Object({
  isGood: Type.Boolean(),
  tracks2: Type.Array(
    Type.Object({ codec: Type.String(), codecProps: OrNull(Type.Record(Type.String(), Type.Unknown())) }),
    { description: 'As in `/v3/paths/get`; empty unless it is good.' },
  ),
  error: OrNull(Type.String({ description: 'Message with the reason.' })),
  why: OrNull(Type.String({ description: 'The reason in one word, as `lastErrorWhy` of a path, or notSupported.' })),
});
export type SourceTestAnswer = Static<typeof SourceTestAnswer>;

export const ConfigName = Type.Object({
  '*': Type.String({ description: 'Name of the entry in paths; it may contain slashes.' }),
});

function shownObject(schema: SchemaNode) {
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]): [string, TSchema] => {
    return [name, Type.Optional(formOf(property, false))];
  });
  return Type.Object(Object.fromEntries(properties));
}

function sentObject(schema: SchemaNode, formerKeys: readonly string[]) {
  const known = Object.entries(schema.properties ?? {}).map(([name, property]): [string, TSchema] => {
    return [name, Type.Optional(formOf(property, true))];
  });
  const former = formerKeys.map((name): [string, TSchema] => {
    return [name, Type.Optional(Type.Unknown({ description: 'Accepted for files and clients of MediaMTX.' }))];
  });
  return Type.Object(Object.fromEntries([...former, ...known]), { additionalProperties: false });
}

function formOf(schema: SchemaNode, isSent: boolean): TSchema {
  const options = describe(schema);
  if (schema.type === 'array') {
    return Type.Array(formOf(schema.items ?? {}, isSent), options);
  }
  if (schema.type === 'object') {
    const properties = Object.entries(schema.properties ?? {}).map(([name, property]): [string, TSchema] => {
      return [name, Type.Optional(formOf(property, isSent))];
    });
    return Type.Object(Object.fromEntries(properties), options);
  }
  if (schema.type === 'boolean') {
    return isSent ? Type.Union([Type.Boolean(), Type.Enum(WORDS)], options) : Type.Boolean(options);
  }
  if (schema.words && schema.enum && (isSent || schema.isSwitch)) {
    const words = isSent ? [...schema.enum, ...WORDS.filter((word) => !schema.enum?.includes(word))] : schema.enum;
    return Type.Union([Type.Boolean(), Type.Enum([...words])], options);
  }
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
  if (schema.type === 'number') {
    return Type.Number({
      ...options,
      ...(minimum !== undefined && { minimum }),
      ...(maximum !== undefined && { maximum }),
    });
  }
  if (schema.type === 'integer') {
    return Type.Integer({ ...options, ...(minimum === undefined ? {} : { minimum, maximum: maximum ?? 2 ** 53 - 1 }) });
  }
  return schema.enum ? Type.Enum([...schema.enum], options) : Type.String(options);
}

function describe({
  description,
  default: standard,
}: SchemaNode & { readonly description?: string }): Type.TSchemaOptions {
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
  };
}
