import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { checkedBody } from '../../messages/checked-body.ts';
import { pathName } from '../schema/names.ts';
import { answers, OrNull, PathName, TimeText } from '../schema/schemas.ts';

const FAILURES = [400, 404, 409, 413, 501, 503, 504];

const Pixels = Type.Integer({ minimum: 1, maximum: 16_384 });
const Span = OrNull(Type.Object({ min: Type.Integer(), max: Type.Integer() }));
const Mode = Type.Enum(['ON', 'OFF', 'AUTO'], { description: 'ON: day. OFF: night, infrared light passes.' });
const Settings = Type.Object({
  encoder: Type.Object({
    codec: OrNull(Type.String()),
    width: OrNull(Type.Number()),
    height: OrNull(Type.Number()),
    fps: OrNull(Type.Number()),
    bitrateKbps: OrNull(Type.Number()),
    groupFrames: OrNull(Type.Number({ description: 'Distance of key frames.' })),
  }),
  choices: Type.Array(
    Type.Object({
      codec: Type.String(),
      sizes: Type.Array(Type.Object({ width: Type.Integer(), height: Type.Integer() })),
      fps: Type.Array(Type.Integer()),
      bitrateKbps: Span,
      groupFrames: Span,
    }),
    { description: 'What the camera offers, for each codec.' },
  ),
  irCutFilter: OrNull(Type.Object({ now: Mode, modes: Type.Array(Mode) })),
  text: OrNull(Type.String({ description: 'Text on the picture; empty: none; null: the camera does not offer it.' })),
  showsTime: OrNull(Type.Boolean()),
});
export type CameraSettings = Static<typeof Settings>;
const Body = Type.Object(
  {
    codec: Type.Optional(Type.Enum(['H264', 'H265', 'JPEG', 'MPEG4'])),
    width: Type.Optional(Pixels),
    height: Type.Optional(Pixels),
    fps: Type.Optional(Type.Integer({ minimum: 1, maximum: 120 })),
    bitrateKbps: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    groupFrames: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    irCutFilter: Type.Optional(Mode),
    text: Type.Optional(Type.String({ maxLength: 100 })),
    showsTime: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type SettingsBody = Static<typeof Body>;
const Change = Type.Object({
  state: Type.Enum(['checking', 'done', 'unchecked', 'ignored', 'restoring', 'restored', 'notRestored'], {
    description:
      'checking: whether the stream comes back, for a minute at most. unchecked: there was no stream before, or it is on demand. ignored: the camera accepted the change without effect. restored: the stream did not come back, and the camera has its former settings again.',
  }),
  time: TimeText,
  error: OrNull(Type.String()),
});

/** Settings that a camera keeps itself. All reject with PerchError: notFound for a path without a camera. */
export interface CameraOwnSettings {
  get(path: string): Promise<Static<typeof Settings>>;
  set(path: string, wanted: SettingsBody): Promise<Static<typeof Change>>;
  /** The last change since Perch started. */
  change(path: string): Promise<Static<typeof Change> | null>;
}

/** `/cameras/settings/…`, `/cameras/settingschange/…`. */
export const ownSettingsRoutes: FastifyPluginAsync<{ settings: CameraOwnSettings }> = async (app, { settings }) => {
  const about = (summary: string) => ({ summary, tags: ['cameras'], params: PathName });
  app.get(
    '/cameras/settings/*',
    {
      schema: {
        ...about('Settings that a camera keeps itself, and what it offers'),
        response: answers(Settings, ...FAILURES),
      },
    },
    (request) => settings.get(pathName(request)),
  );
  app.post(
    '/cameras/settings/*',
    {
      bodyLimit: 16_384,
      schema: {
        ...about('Change settings of a camera; those of a stream that does not come back are restored'),
        body: Body,
        response: answers(Change, ...FAILURES),
      },
    },
    (request) => settings.set(pathName(request), checkedBody(Body, request.body)),
  );
  app.get(
    '/cameras/settingschange/*',
    {
      schema: {
        ...about('How the last change of settings went'),
        response: answers(Type.Object({ change: OrNull(Change) }), 400),
      },
    },
    async (request) => ({ change: await settings.change(pathName(request)) }),
  );
};
