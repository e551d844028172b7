import Type from 'typebox';
import { OrNull } from '../../../http/api/schema/schemas.ts';

export const Offered = {
  path: Type.String({ description: 'Name of the path on the box.' }),
  name: OrNull(Type.String({ description: 'Name of the camera for people.' })),
  codecs: Type.Array(Type.String(), { description: 'Codecs of the stream. Empty while there is no stream.' }),
};

/** The facts about a box that paired servers get. */
export const FactsAnswer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  version: Type.String(),
  time: Type.Integer({ description: 'Time by the clock of the box, Unix milliseconds.' }),
  addresses: Type.Array(Type.String(), { description: 'Addresses for https, as `host:port`.' }),
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  talk: Type.Boolean({ description: 'Talking through loudspeakers of cameras is allowed.' }),
  turn: Type.Boolean({ description: 'Pan, tilt, zoom and presets of cameras are allowed.' }),
  switch: Type.Boolean({ description: 'Lights, sirens and relays of cameras are allowed.' }),
  cameras: Type.Array(Type.Object(Offered)),
});
