import Type, { type Static } from 'typebox';
import { Command, Restart } from '../values/command.ts';
import { Duration } from '../values/duration.ts';
import type { Resolved } from '../values/quantity.ts';
import { Size } from '../values/size.ts';
import { Fingerprint } from './common/fields.ts';
import { inverted, type Renames, type SourceKeys } from './common/key-rules.ts';
import { Forward } from './forward.ts';
import { SRT_SOURCE } from './servers/srt.ts';
import { ALWAYS_AVAILABLE_KEYS } from './sources/always-available.ts';
import { HLS_SOURCE, RTMP_SOURCE } from './sources/keyless-sources.ts';
import { MPEGTS_SOURCE } from './sources/mpegts-source.ts';
import { RTP_SOURCE } from './sources/rtp-source.ts';
import { RTSP_SOURCE } from './sources/rtsp-source.ts';
import { WHEP_SOURCE } from './sources/whep-source.ts';

/** Perch's own block of a path: the camera's ONVIF service, in addition to its stream. */
const CameraSchema = Type.Object({
  onvif: Type.Optional(
    Type.String({ syntax: 'httpUrl', description: "Address of the camera's ONVIF device service." }),
  ),
  profile: Type.Optional(Type.String({ description: 'Token of the ONVIF media profile that the source comes from.' })),
  user: Type.Optional(Type.String({ description: "The camera's user name." })),
  password: Type.Optional(Type.String({ secret: true, description: "The camera's password." })),
  name: Type.Optional(Type.String({ maxLength: 200, description: 'Name that people see.' })),
  events: Type.Optional(
    Type.Boolean({ description: 'Subscribe to events of the camera: motion, persons, vehicles. Default: yes.' }),
  ),
  setClock: Type.Optional(
    Type.Boolean({
      description:
        "Set the camera's clock when it is seconds off, and in the network for cameras the box as its time server. Default: no.",
    }),
  ),
  endpoint: Type.Optional(
    Type.String({ maxLength: 200, description: 'urn:uuid:… that identifies the camera at any address.' }),
  ),
  serial: Type.Optional(Type.String({ maxLength: 200, description: "The camera's serial number, as it reports it." })),
  fingerprint: Type.Optional(
    Type.String({
      syntax: 'fingerprint',
      description: "SHA-256 in hex of the camera's certificate for ONVIF over https. No other one is accepted.",
    }),
  ),
  paused: Type.Optional(
    Type.Boolean({ description: 'Take no stream and no events from the camera; its path stays. Default: no.' }),
  ),
  pausedUntil: Type.Optional(
    Type.String({ syntax: 'time', description: 'With paused: when the pause ends, 2026-01-31T18:00:00Z.' }),
  ),
  order: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Position of the camera among the others. Cameras without one come last.',
    }),
  ),
  pending: Type.Optional(
    Type.Enum(['noRoom', 'busy', 'slow'], {
      description: 'Why the stream could not be tested when the camera was added. Perch retries and removes the key.',
    }),
  ),
  clearPassword: Type.Optional(
    Type.Boolean({
      description: 'The password may be sent to the camera in clear (ONVIF, snapshots, the test of its stream).',
    }),
  ),
});
export type CameraBlock = Static<typeof CameraSchema>;

/** The keys of each kind of source. */
export const SOURCE_KEYS: readonly SourceKeys[] = [
  RTSP_SOURCE,
  RTP_SOURCE,
  MPEGTS_SOURCE,
  WHEP_SOURCE,
  RTMP_SOURCE,
  SRT_SOURCE,
  HLS_SOURCE,
];

/** Read when it is used. */
const LIVE = { isLive: true } as const;

/** Settings of one path. Names and defaults are MediaMTX's; the descriptions are those of the OpenAPI document. */
export const PathSchema = Type.Object({
  source: Type.String({
    default: 'publisher',
    syntax: 'source',
    description: 'URL of the camera or server, "publisher" to wait for one, or "redirect" to send readers elsewhere.',
  }),
  sourceFingerprint: Fingerprint("the source's"),
  sourceOnDemand: Type.Boolean({ default: false, description: 'Pull the source only while there are readers.' }),
  sourceOnDemandStartTimeout: Duration('10s', 'Readers wait this long for a source on demand.', LIVE),
  sourceOnDemandCloseAfter: Duration('10s', 'Close a source on demand after this long without readers.', LIVE),
  sourceRedirect: Type.String({
    isLive: true,
    default: '',
    syntax: 'redirect',
    description: 'Where RTSP readers are sent when the source is "redirect": an RTSP URL, or /name of another path.',
  }),
  fallback: Type.Optional(
    Type.String({
      isLive: true,
      syntax: 'redirect',
      description: 'Where RTSP readers are sent while there is no stream: an RTSP URL, or /name of another path.',
    }),
  ),
  ...ALWAYS_AVAILABLE_KEYS,
  useAbsoluteTimestamp: Type.Boolean({ default: false, description: "Label pictures with the camera's own clock." }),
  overridePublisher: Type.Boolean({
    isLive: true,
    default: true,
    description: 'A new publisher replaces the present one. no = it is rejected.',
  }),
  audio: Type.Boolean({
    default: true,
    description: "Take the source's sound. no = it is neither requested nor recorded.",
  }),
  continueAfterLoss: Type.Boolean({
    default: false,
    description:
      'After packet loss show pictures at once, damaged until the next key frame. no = wait for an intact one.',
  }),
  ...RTSP_SOURCE.schema,
  ...RTP_SOURCE.schema,
  ...MPEGTS_SOURCE.schema,
  ...WHEP_SOURCE.schema,
  ...SRT_SOURCE.schema,
  webrtc: Type.Boolean({
    isLive: true,
    default: true,
    description: 'Serve the path over WebRTC. no = no watching, publishing or talking over it.',
  }),
  forward: Forward,
  maxReaders: Type.Integer({
    isLive: true,
    minimum: 0,
    default: 0,
    description: 'Readers allowed at the same time. 0 = no limit.',
  }),
  record: Type.Enum(['no', 'always', 'motion'], {
    default: 'no',
    words: { yes: 'always', no: 'no' },
    isSwitch: true,
    description: 'Record the stream: always, no, or motion (around events only).',
  }),
  recordPreRoll: Duration('5s', 'With record: motion, record this long before an event, in whole groups of pictures.'),
  recordPostRoll: Duration('10s', 'With record: motion, record this long after an event.'),
  recordPath: Type.String({
    default: '',
    names: 'folder',
    maxLength: 1_000,
    description:
      'Recording files without extension: %path, %Y %m %d %H %M %S, %f (microseconds), %z (zone), %s (Unix seconds). Default: recordings/%path/%Y-%m-%d_%H-%M-%S-%f in the data folder.',
  }),
  recordFormat: Type.Enum(['fmp4', 'mpegts'], { default: 'fmp4', description: 'Format of recording files.' }),
  recordPartDuration: Duration('1s', 'Write to the file at least this often. A crash loses no more than this.'),
  recordMaxPartSize: Size('50M', 'A part that grows larger than this ends the recording with an error.'),
  recordSegmentDuration: Duration('1h', 'Start a new recording file after this long, at the next key frame.'),
  recordDeleteAfter: Duration(
    '1d',
    'Delete recordings that began longer ago than this, at least recordSegmentDuration. 0s = never.',
    LIVE,
  ),
  recordMaxSize: Size(
    '0B',
    "Delete the oldest of Perch's own recordings of the path beyond this size. 0 = no limit.",
    LIVE,
  ),
  runOnInit: Command('Run while the path exists.'),
  runOnInitRestart: Restart(),
  runOnDemand: Command('Run while there are readers. It publishes to the path.'),
  runOnDemandRestart: Restart(),
  runOnDemandStartTimeout: Duration('10s', 'Readers wait this long for the publisher of runOnDemand.', LIVE),
  runOnDemandCloseAfter: Duration('10s', 'End runOnDemand after this long without readers.', LIVE),
  runOnUnDemand: Command('Run once when runOnDemand has ended.', LIVE),
  runOnAvailable: Command('Run while the stream can be read.'),
  runOnAvailableRestart: Restart(),
  runOnUnavailable: Command('Run once when the stream is no longer available.', LIVE),
  runOnOnline: Command('Run while the source is online.'),
  runOnOnlineRestart: Restart(),
  runOnOffline: Command('Run once when the source goes offline.', LIVE),
  runOnRead: Command('Run for each reader while it reads.'),
  runOnReadRestart: Restart(),
  runOnUnread: Command('Run once for each reader that stops.', LIVE),
  runOnRecordSegmentCreate: Command('Run once for each recording file that begins.', LIVE),
  runOnRecordSegmentComplete: Command('Run once for each recording file that is complete.', LIVE),
  camera: Type.Optional(CameraSchema),
});
export type PathSettings = Resolved<Static<typeof PathSchema>> & {
  /** Set by a feature, not by a key: nothing is taken from the camera. */
  readonly isPrivate?: boolean;
  /** Sends no notifications; set by a feature, too. */
  readonly isSilent?: boolean;
};

/** Nothing is taken from the camera: it is paused or private. */
export const isOff = ({ camera, isPrivate }: PathSettings): boolean => isPrivate === true || camera?.paused === true;

/**
 * Defaults of Perch's own setup that differ: recordings of a month. A disk that is too small loses its oldest recordings earlier
 * (`recordMinFree`).
 */
export const OWN_PATH_DEFAULTS = { recordDeleteAfterMs: 30 * 24 * 3_600_000 } as const;

/** Former names, as MediaMTX still takes them. */
export const PATH_RENAMED: Renames = {
  disablePublisherOverride: { to: 'overridePublisher', convert: inverted },
  runOnReady: { to: 'runOnAvailable' },
  runOnReadyRestart: { to: 'runOnAvailableRestart' },
  runOnNotReady: { to: 'runOnUnavailable' },
};
