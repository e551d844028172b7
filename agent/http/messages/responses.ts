import Type, { type TSchema } from 'typebox';

/** For changes without further results. */
export const OkAnswer = Type.Object({ status: Type.Literal('ok') });

export const ErrorAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'What went wrong.' }),
  why: Type.Optional(
    Type.String({
      description:
        'The same in one word, where there is one: `paused` (the camera), `busy`, `taken` (the name), `limit` (as many as there may be), `byVariable`, `notWritten` (the configuration file), `brokenFile` (it is no YAML: nothing can be changed in it before it is mended), `noBackup`, `damaged` and `laterVersion` (of a backup).',
    }),
  ),
});

const OrNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);

/** Another client has changed the same meanwhile. */
export const ConflictAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'Who has changed what.' }),
  tag: Type.String({ description: 'Of the current settings.' }),
  conflicts: Type.Array(
    Type.Object({
      path: OrNull(Type.String({ description: 'Null: global settings.' })),
      key: Type.String({ description: 'Empty for a whole path.' }),
      value: Type.Optional(Type.Unknown({ description: 'Current value.' })),
      by: OrNull(Type.String({ description: '`API`, `file` or `camera`. Null: unknown.' })),
      user: OrNull(Type.String()),
      time: OrNull(Type.String({ description: 'RFC 3339.' })),
    }),
  ),
});
