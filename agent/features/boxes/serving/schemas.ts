import Type, { type Static } from 'typebox';
import { OrNull } from '../../../http/api/schema/schemas.ts';

/** Of a request with names of cameras, or settings. */
export const MAX_BODY_BYTES = 1 << 18;

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
  settings: Type.Boolean({ description: 'Reading and changing permitted settings of cameras is allowed.' }),
  fleet: Type.Boolean({ description: 'Handing out a credential of a fleet is allowed.' }),
  cameras: Type.Array(Type.Object(Offered)),
});

const settings = {
  record: Type.Optional(Type.Union([Type.Boolean(), Type.String()])),
  recordPreRoll: Type.Optional(Type.String()),
  recordPostRoll: Type.Optional(Type.String()),
  recordDeleteAfter: Type.Optional(Type.String()),
  recordMaxSize: Type.Optional(Type.String()),
  audio: Type.Optional(Type.Boolean()),
  motionSource: Type.Optional(Type.String()),
  motionSensitivity: Type.Optional(Type.Number()),
  motionZones: Type.Optional(Type.Array(Type.String())),
  motionMasks: Type.Optional(Type.Array(Type.String())),
  motionMinSize: Type.Optional(Type.Number()),
  motionHours: Type.Optional(Type.String()),
  objects: Type.Optional(Type.Array(Type.String())),
  objectsMinHeight: Type.Optional(Type.Number()),
};

/** Settings of a path that a server may read and change: nothing that leads to other devices, programs, folders or people. */
export const PermittedSettings = Type.Object(settings, { description: 'As in `/v3/config/paths/get`.' });
export type PermittedSettings = Static<typeof PermittedSettings>;
export const SettingsChange = Type.Object(settings, { additionalProperties: false, minProperties: 1 });
