import Type, { type Static } from 'typebox';
import type { LeftFile } from './left-file.ts';

const LeftOut = Type.Object({
  file: Type.String(),
  why: Type.Unsafe<LeftFile['why']>(Type.String()),
  reason: Type.String(),
});
export const StoredTransfer = Type.Object({
  version: Type.Literal(1),
  kind: Type.Enum(['move', 'import', 'fetch']),
  box: Type.Optional(Type.String()),
  sinceUs: Type.Optional(Type.Number()),
  untilUs: Type.Optional(Type.Number()),
  maxBytesPerSecond: Type.Optional(Type.Integer()),
  from: Type.Optional(Type.String()),
  items: Type.Optional(Type.Array(Type.Object({ group: Type.String(), path: Type.String() }))),
  isPaused: Type.Boolean(),
  startedMs: Type.Number(),
  doneFiles: Type.Integer(),
  doneBytes: Type.Integer(),
  present: Type.Optional(Type.Integer()),
  leftOut: Type.Optional(Type.Object({ count: Type.Integer(), items: Type.Array(LeftOut) })),
  memory: Type.Record(Type.String(), Type.Unknown()),
});
/** A transfer that is not over. */
export type StoredTransfer = Static<typeof StoredTransfer>;
