import Type from 'typebox';

/** Of whatever changes something and has nothing else to say. */
export const OkAnswer = Type.Object({ status: Type.Literal('ok') });

/** Of whatever went wrong. */
export const ErrorAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'What was wrong, in words.' }),
});
