import Type, { type Static } from 'typebox';
import { TimeText } from '../../../http/api/schema/schemas.ts';
import { TransferItems } from '../../../recordings/copy/transfer-kind.ts';

const Box = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id of a paired box, which keeps its recordings.',
});
export const FetchRequest = Type.Object(
  {
    kind: Type.Literal('fetch'),
    box: Box,
    items: TransferItems,
    since: Type.Optional(TimeText),
    until: Type.Optional(TimeText),
    maxBytesPerSecond: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Highest rate, in bytes per second. Absent: no limit.' }),
    ),
  },
  { additionalProperties: false },
);
export type FetchRequest = Static<typeof FetchRequest>;
export const BoxLook = Type.Object({ box: Box }, { additionalProperties: false });
