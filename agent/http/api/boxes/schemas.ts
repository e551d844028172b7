import Type from 'typebox';
import { OrNull } from '../schema/schemas.ts';

export const Offered = {
  path: Type.String({ description: 'Name of the path on the box.' }),
  name: OrNull(Type.String({ description: 'Name of the camera for people.' })),
  codecs: Type.Array(Type.String(), { description: 'Of the stream; empty while there is none.' }),
};

/** What a box tells a paired server. */
export const FactsAnswer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  version: Type.String(),
  time: Type.Integer({ description: 'Of its clock, Unix milliseconds.' }),
  addresses: Type.Array(Type.String(), { description: '`host:port` of https.' }),
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  talk: Type.Boolean({ description: 'Talking through loudspeakers of cameras is allowed.' }),
  cameras: Type.Array(Type.Object(Offered)),
});
