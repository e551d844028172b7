import Type, { type Static } from 'typebox';
import { Command, Restart } from '../values/command.ts';
import { Duration } from '../values/duration.ts';
import type { Resolved } from '../values/quantity.ts';
import { Size } from '../values/size.ts';

/** Perch's own block of a path: how to reach the camera's ONVIF service, beside its stream. */
export const CameraSchema = Type.Object({
  onvif: Type.Optional(
    Type.String({ syntax: 'httpUrl', description: "Address of the camera's ONVIF device service." }),
  ),
  profile: Type.Optional(Type.String({ description: 'Token of the ONVIF media profile that the source comes from.' })),
  user: Type.Optional(Type.String({ description: "The camera's user name." })),
  password: Type.Optional(Type.String({ secret: true, description: "The camera's password." })),
  name: Type.Optional(Type.String({ maxLength: 200, description: 'Name that people read.' })),
  events: Type.Optional(
    Type.Boolean({ description: 'Ask the camera what it sees: motion, persons, vehicles. Default: yes.' }),
  ),
  setClock: Type.Optional(
    Type.Boolean({ description: "Set the camera's clock by this machine's when it is off by seconds. Default: no." }),
  ),
  endpoint: Type.Optional(
    Type.String({ maxLength: 200, description: 'urn:uuid:… by which the camera is known wherever its address is.' }),
  ),
  serial: Type.Optional(Type.String({ maxLength: 200, description: "The camera's serial number, as it tells it." })),
  fingerprint: Type.Optional(
    Type.String({
      syntax: 'fingerprint',
      description: "SHA-256 of the certificate in hex that the camera's ONVIF has over https: no other one is taken.",
    }),
  ),
  paused: Type.Optional(
    Type.Boolean({ description: 'The camera is neither pulled nor listened to; its path stays. Default: no.' }),
  ),
  pausedUntil: Type.Optional(
    Type.String({ syntax: 'time', description: 'With paused: when Perch goes on by itself, 2026-01-31T18:00:00Z.' }),
  ),
  order: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Place of the camera among the others. Those without one come last.' }),
  ),
  pending: Type.Optional(
    Type.Enum(['noRoom', 'busy', 'slow'], {
      description:
        'The stream could not be tried when the camera was added, and why. Perch tries it again and takes the key out.',
    }),
  ),
  clearPassword: Type.Optional(
    Type.Boolean({
      description:
        'The password may be sent to the camera (ONVIF, stills, the trial of its stream) so that anybody in the network can read it.',
    }),
  ),
});
export type CameraSettings = Static<typeof CameraSchema>;

/** Settings of one path. Names and defaults are MediaMTX's; the descriptions become the reference page and the form hints. */
export const PathSchema = Type.Object({
  source: Type.String({
    default: 'publisher',
    syntax: 'source',
    description: 'RTSP URL of the camera, "publisher" to wait for one, or "redirect" to send readers elsewhere.',
  }),
  sourceFingerprint: Type.String({
    default: '',
    syntax: 'fingerprint',
    description: "SHA-256 of the camera's TLS certificate in hex: it is believed whoever signed it.",
  }),
  sourceOnDemand: Type.Boolean({ default: false, description: 'Pull the source only while someone reads.' }),
  sourceOnDemandStartTimeout: Duration('10s', 'Keep readers waiting for a source on demand at most this long.'),
  sourceOnDemandCloseAfter: Duration('10s', 'Close a source on demand when nobody has read for this long.'),
  sourceRedirect: Type.String({
    default: '',
    syntax: 'redirect',
    description: 'Where RTSP readers are sent when the source is "redirect": an RTSP URL, or /name of another path.',
  }),
  fallback: Type.Optional(
    Type.String({
      syntax: 'redirect',
      description: 'Where RTSP readers are sent while there is no stream: an RTSP URL, or /name of another path.',
    }),
  ),
  useAbsoluteTimestamp: Type.Boolean({ default: false, description: "Label pictures with the camera's own clock." }),
  overridePublisher: Type.Boolean({
    default: true,
    description: 'A new publisher takes the place of the present one.',
  }),
  audio: Type.Boolean({
    default: true,
    description: "Take the source's sound: no = it is not asked for, and neither heard nor recorded.",
  }),
  rtspTransport: Type.Enum(['automatic', 'udp', 'multicast', 'tcp'], {
    default: 'automatic',
    description: 'How the stream is pulled from the camera.',
  }),
  rtspAnyPort: Type.Boolean({
    default: false,
    description: 'Take RTP over UDP from whichever port of the camera it comes.',
  }),
  continueAfterLoss: Type.Boolean({
    default: false,
    description:
      'After lost packets of a camera show the next pictures at once, damaged until the next key frame. No = wait for a picture that needs nothing that is missing.',
  }),
  rtspRangeType: Type.Enum(['', 'clock', 'npt', 'smpte'], {
    default: '',
    description: 'Kind of the time at which a recorded source begins. Empty = live.',
  }),
  rtspRangeStart: Type.String({
    default: '',
    maxLength: 64,
    description: 'That time: 20260131T120000Z for clock, a duration such as 1m30s for npt and smpte.',
  }),
  rtspScale: Type.String({ default: '', maxLength: 16, description: 'Speed of a recorded source, such as 2.0.' }),
  rtspUDPSourcePortRange: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), {
    default: [32_768, 60_999],
    description: 'First and last local UDP port for RTP from the camera.',
  }),
  webrtc: Type.Boolean({
    default: true,
    description: 'Serve the path over WebRTC: no = it is neither watched, published to nor talked to over it.',
  }),
  maxReaders: Type.Integer({ minimum: 0, default: 0, description: 'Readers allowed at the same time. 0 = no limit.' }),
  record: Type.Enum(['no', 'always', 'motion'], {
    default: 'no',
    words: { yes: 'always', no: 'no' },
    isSwitch: true,
    description: 'Record the stream to disk: yes (always), no, or motion: around events only.',
  }),
  recordPreRoll: Duration(
    '5s',
    'With record: motion, keep this much from before an event, in whole groups of pictures.',
  ),
  recordPostRoll: Duration('10s', "With record: motion, go on for this long after an event's end."),
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
  recordMaxSize: Size('0B', "Delete the oldest of Perch's own recordings of the path beyond this size. 0 = no limit."),
  runOnInit: Command('Run while the path exists.'),
  runOnInitRestart: Restart('runOnInit'),
  runOnDemand: Command('Run while someone reads: publishes to the path.'),
  runOnDemandRestart: Restart('runOnDemand'),
  runOnDemandStartTimeout: Duration('10s', 'Keep readers waiting for what runOnDemand publishes at most this long.'),
  runOnDemandCloseAfter: Duration('10s', 'End runOnDemand when nobody has read for this long.'),
  runOnUnDemand: Command('Run once when runOnDemand is ended.'),
  runOnAvailable: Command('Run while the stream can be read.'),
  runOnAvailableRestart: Restart('runOnAvailable'),
  runOnUnavailable: Command('Run once when the stream cannot be read any more.'),
  runOnOnline: Command('Run while the source of the stream is there.'),
  runOnOnlineRestart: Restart('runOnOnline'),
  runOnOffline: Command('Run once when the source of the stream is gone.'),
  runOnRead: Command('Run for each reader while it reads.'),
  runOnReadRestart: Restart('runOnRead'),
  runOnUnread: Command('Run once for each reader who stops.'),
  runOnRecordSegmentCreate: Command('Run once for each recording file that begins.'),
  runOnRecordSegmentComplete: Command('Run once for each recording file that is whole.'),
  camera: Type.Optional(CameraSchema),
});
export type PathSettings = Resolved<Static<typeof PathSchema>>;
/**
 * Where Perch made the file itself: a month can be looked back at. Disks that are too small for that lose their oldest recordings
 * before (`recordMinFree`).
 */
export const OWN_PATH_DEFAULTS = { recordDeleteAfterMs: 30 * 24 * 3_600_000 } as const;
