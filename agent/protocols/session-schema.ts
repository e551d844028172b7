import Type from 'typebox';

/** Pieces of the schemas of session items. */

export const numbers = <const Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, Type.Number()])) as Record<Name, ReturnType<typeof Type.Number>>;

export const Id = Type.String({ format: 'uuid' });

const DEPRECATED = { description: 'An older name of the same number.' };
export const DEPRECATED_BYTES = { bytesReceived: Type.Integer(DEPRECATED), bytesSent: Type.Integer(DEPRECATED) };

export const ORIGIN = {
  id: Id,
  created: Type.String({ description: 'RFC 3339.' }),
  remoteAddr: Type.String({ description: 'address:port, an IPv6 address in brackets.' }),
};

export const SUBJECT = {
  path: Type.String(),
  query: Type.String(),
  user: Type.String(),
  userAgent: Type.String(),
};
