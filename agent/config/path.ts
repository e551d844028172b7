import Type, { type Static } from 'typebox';
import { Duration } from './duration.ts';
import type { Resolved } from './quantity.ts';
import { Size } from './size.ts';

/** Perch's own block of a path: how to reach the camera's ONVIF service, beside its stream. */
export const CameraSchema = Type.Object({
  onvif: Type.Optional(
    Type.String({ syntax: 'httpUrl', description: "Address of the camera's ONVIF device service." }),
  ),
  profile: Type.Optional(Type.String({ description: 'Token of the ONVIF media profile that the source comes from.' })),
  user: Type.Optional(Type.String({ description: "The camera's user name." })),
  password: Type.Optional(Type.String({ secret: true, description: "The camera's password." })),
  name: Type.Optional(Type.String({ maxLength: 200, description: 'Name that people read.' })),
});
export type CameraSettings = Static<typeof CameraSchema>;

/** Settings of one path. Names and defaults are MediaMTX's; the descriptions become the reference page and the form hints. */
export const PathSchema = Type.Object({
  source: Type.String({
    default: 'publisher',
    syntax: 'source',
    description: 'RTSP URL of the camera, or "publisher" to wait for one.',
  }),
  rtspTransport: Type.Enum(['automatic', 'udp', 'multicast', 'tcp'], {
    default: 'automatic',
    description: 'How the stream is pulled from the camera.',
  }),
  maxReaders: Type.Integer({ minimum: 0, default: 0, description: 'Readers allowed at the same time. 0 = no limit.' }),
  record: Type.Boolean({ default: false, description: 'Record the stream to disk.' }),
  recordPath: Type.String({
    default: '',
    maxLength: 1_000,
    description:
      'Recording files, without extension: %path, %Y %m %d %H %M %S, %f (microseconds), %z (zone), %s (Unix seconds).',
  }),
  recordFormat: Type.Enum(['fmp4', 'mpegts'], { default: 'fmp4', description: 'Format of recording files.' }),
  recordPartDuration: Duration('1s', 'Write to the file at least this often: the most that a power cut costs.'),
  recordMaxPartSize: Size('50M', 'A part that grows larger than this ends the recording with an error.'),
  recordSegmentDuration: Duration('1h', 'Start a new recording file after this long, at the next key frame.'),
  recordDeleteAfter: Duration('1d', 'Delete recordings that began longer ago than this. 0s = never.'),
  camera: Type.Optional(CameraSchema),
});
export type PathSettings = Resolved<Static<typeof PathSchema>>;
