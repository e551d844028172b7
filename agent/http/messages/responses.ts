import Type, { type TSchema } from 'typebox';

/** Of whatever changes something and has nothing else to say. */
export const OkAnswer = Type.Object({ status: Type.Literal('ok') });

/** Of whatever went wrong. */
export const ErrorAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'What was wrong, in words.' }),
  why: Type.Optional(
    Type.String({
      description:
        'The same in one word, where there is one: `paused` (the camera), `busy`, `taken` (the name), `limit` (as many as there may be), `byVariable`, `notWritten` (the configuration file), `brokenFile` (it is no YAML: nothing can be changed in it before it is mended), `noBackup`, `damaged` and `laterVersion` (of a backup).',
    }),
  ),
});

const OrNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);

/** Somebody else has changed the same meanwhile. */
export const ConflictAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'Who has changed what, in words.' }),
  tag: Type.String({ description: 'Of the settings as they are now.' }),
  conflicts: Type.Array(
    Type.Object({
      path: OrNull(Type.String({ description: 'Null: above all paths.' })),
      key: Type.String({ description: 'Empty for a path as a whole.' }),
      value: Type.Optional(Type.Unknown({ description: 'As it is now.' })),
      by: OrNull(Type.String({ description: '`API`, `file` or `camera`. Null: it is not known any more.' })),
      user: OrNull(Type.String()),
      time: OrNull(Type.String({ description: 'RFC 3339.' })),
    }),
  ),
});
