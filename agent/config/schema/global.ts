import Type, { type Static } from 'typebox';
import { Address, IpRanges } from '../values/address.ts';
import { Command, Restart } from '../values/command.ts';
import { Duration } from '../values/duration.ts';
import { FreeSpaceText } from '../values/free-space.ts';
import type { Resolved } from '../values/quantity.ts';
import { Size } from '../values/size.ts';
import { ZLM_KEYS } from './zlm.ts';

const Permission = Type.Object({
  action: Type.Enum(['publish', 'read', 'playback', 'api', 'metrics', 'pprof']),
  path: Type.String({ default: '', description: 'Path name, ~regular expression, or empty for every path.' }),
});

export type PermissionRule = Static<typeof Permission>;
const Exclusions = (server: string) =>
  Type.Array(Permission, { default: [], description: `What anybody may do: ${server} is not asked.` });

const InternalUserSchema = Type.Object({
  user: Type.String({ minLength: 1, description: 'User name, or "any" for everyone.' }),
  pass: Type.String({ default: '', secret: true, description: 'Password, or its hash behind sha256: or argon2:.' }),
  ips: IpRanges('Addresses that the user may come from. Empty = any.'),
  permissions: Type.Array(Permission, { default: [] }),
});
export type InternalUser = Static<typeof InternalUserSchema>;

/** What MediaMTX lets happen when a file says nothing about users. */
export const MEDIAMTX_USERS: readonly InternalUser[] = [
  {
    user: 'any',
    pass: '',
    ips: [],
    permissions: [
      { action: 'publish', path: '' },
      { action: 'read', path: '' },
      { action: 'playback', path: '' },
    ],
  },
  {
    user: 'any',
    pass: '',
    ips: ['127.0.0.1/32', '::1/128'],
    permissions: [
      { action: 'api', path: '' },
      { action: 'metrics', path: '' },
      { action: 'pprof', path: '' },
    ],
  },
];

const IceServer = Type.Object({
  url: Type.String({ syntax: 'iceUrl' }),
  username: Type.String({ default: '' }),
  password: Type.String({ default: '', secret: true }),
  clientOnly: Type.Boolean({ default: false, description: 'Of no effect: only browsers use these servers.' }),
});

const Origins = () =>
  Type.Array(Type.String(), { default: ['*'], description: 'Web sites whose scripts may ask this server (CORS).' });
const Proxies = () => IpRanges('Reverse proxies whose X-Forwarded headers are believed.');
const KeyFile = (what: string) =>
  Type.String({ default: 'server.key', description: `File of the private key for ${what}. Not there: the box's own.` });
const CertFile = (what: string) =>
  Type.String({ default: 'server.crt', description: `File of the certificate for ${what}. Not there: the box's own.` });
const Switch = (on: boolean, description: string) => Type.Boolean({ default: on, description });
const Port = (number: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 65_535, default: number, description });
const Texts = (description: string) => Type.Array(Type.String({ minLength: 1 }), { default: [], description });

/** Top-level settings, `pathDefaults` and `paths` apart. Names and defaults are MediaMTX's, except for the first block. */
export const GlobalSchema = Type.Object({
  address: Address(':8080', 'Main port: the web page and every HTTP service behind one login.'),
  tlsAddress: Address(
    '',
    "The same as `address` over https, for example :8443. Empty = off. In Perch's own set-up, where nothing is written here: port 8443 next to `address`, unless that is a loopback address.",
  ),
  tlsServerKey: KeyFile('tlsAddress'),
  tlsServerCert: CertFile('tlsAddress'),
  tlsRedirect: Type.Boolean({ default: false, description: 'Send browsers from `address` on to `tlsAddress`.' }),
  mdns: Type.Boolean({ default: true, description: 'Tell the local network where the page is: `boxName`.local.' }),
  boxName: Type.String({
    default: 'perch',
    syntax: 'hostLabel',
    description:
      'Name of the box in the local network, without .local. A number comes behind it where another box has it.',
  }),
  trustedProxies: IpRanges('Reverse proxies before the main port whose X-Forwarded headers are believed.'),
  updateAddress: Type.String({
    default: '',
    syntax: 'askedUrl',
    description:
      'Folder of a web server where updates of the box lie (`perch-update.json`). Asked only when its owner does.',
  }),
  recordSyncInterval: Duration('5s', 'Recordings reach the disk at least this often: the most that a power cut costs.'),
  recordMinFree: FreeSpaceText(
    '0%',
    "Delete the oldest of Perch's own recordings before less than this of their disk is free: 10% or 20G. 0% = never.",
  ),
  recordNeedsDisk: Type.Boolean({
    default: false,
    description: "Record only where a disk is mounted: not to the system's own, to flash without one, or to memory.",
  }),

  logLevel: Type.Enum(['error', 'warn', 'info', 'debug'], { default: 'info', description: 'What the log tells.' }),
  runOnConnect: Command('Run for each RTSP client while it is connected.'),
  runOnConnectRestart: Restart('runOnConnect'),
  runOnDisconnect: Command('Run once for each RTSP client that has gone.'),
  readTimeout: Duration('10s', 'Give up on a peer that sends nothing for this long.'),
  writeTimeout: Duration('10s', 'Give up on a peer that takes nothing for this long.'),
  writeQueueSize: Type.Integer({
    minimum: 1,
    maximum: 1 << 20,
    default: 512,
    description: 'Packets that may wait for a reader before it is cut off. A power of two.',
  }),
  udpMaxPayloadSize: Type.Integer({
    minimum: 256,
    maximum: 1_472,
    default: 1_452,
    description: 'Largest UDP payload that is sent, in bytes.',
  }),
  udpReadBufferSize: Type.Integer({
    minimum: 0,
    maximum: 1 << 30,
    default: 0,
    description: 'Receive buffer of UDP sockets in bytes. 0 = chosen by Perch.',
  }),
  authMethod: Type.Enum(['internal', 'http', 'jwt'], { default: 'internal', description: 'Who decides on access.' }),
  authInternalUsers: Type.Array(InternalUserSchema, { default: [], description: 'Users of streams, API and metrics.' }),
  authHTTPAddress: Type.String({
    default: '',
    syntax: 'askedUrl',
    description: 'With authMethod http: who is asked by POST. 2xx = allowed.',
  }),
  authHTTPFingerprint: Type.String({
    default: '',
    syntax: 'fingerprint',
    description: 'SHA-256 of its TLS certificate in hex: it is believed whoever signed it.',
  }),
  authHTTPExclude: Exclusions('authHTTPAddress'),
  authJWTJWKS: Type.String({
    default: '',
    syntax: 'askedUrl',
    description: 'With authMethod jwt: where the public keys are (JWKS). They are kept for an hour.',
  }),
  authJWTJWKSFingerprint: Type.String({
    default: '',
    syntax: 'fingerprint',
    description: 'SHA-256 of its TLS certificate in hex: it is believed whoever signed it.',
  }),
  authJWTClaimKey: Type.String({
    minLength: 1,
    default: 'mediamtx_permissions',
    description: "The claim that lists a token's permissions.",
  }),
  authJWTExclude: Exclusions('for a token'),
  authJWTInHTTPQuery: Switch(
    false,
    'Take tokens from the query of HTTP requests too (?token=, ?jwt=): they end up in logs.',
  ),
  authJWTIssuer: Type.String({ default: '', description: 'Who must have made the token (iss). Empty = anybody.' }),
  authJWTAudience: Type.String({ default: '', description: 'For whom the token must be (aud). Empty = anybody.' }),

  api: Switch(false, 'Open the control API on its own port.'),
  apiAddress: Address(':9997', 'Port of the control API.'),
  apiEncryption: Switch(false, 'The control API over TLS.'),
  apiServerKey: KeyFile('the control API over TLS'),
  apiServerCert: CertFile('the control API over TLS'),
  apiAllowOrigins: Origins(),
  apiTrustedProxies: Proxies(),

  playback: Switch(false, 'Open the playback server on its own port.'),
  playbackAddress: Address(':9996', 'Port of the playback server.'),
  playbackEncryption: Switch(false, 'The playback server over TLS.'),
  playbackServerKey: KeyFile('the playback server over TLS'),
  playbackServerCert: CertFile('the playback server over TLS'),
  playbackAllowOrigins: Origins(),
  playbackTrustedProxies: Proxies(),

  metrics: Switch(false, 'Open the metrics server (Prometheus) on its own port.'),
  metricsAddress: Address(':9998', 'Port of the metrics server.'),
  metricsEncryption: Switch(false, 'The metrics server over TLS.'),
  metricsServerKey: KeyFile('the metrics server over TLS'),
  metricsServerCert: CertFile('the metrics server over TLS'),
  metricsAllowOrigins: Origins(),
  metricsTrustedProxies: Proxies(),

  pprof: Switch(false, 'Open the profiling server on its own port.'),
  pprofAddress: Address(':9999', 'Port of the profiling server.'),
  pprofEncryption: Switch(false, 'The profiling server over TLS.'),
  pprofServerKey: KeyFile('the profiling server over TLS'),
  pprofServerCert: CertFile('the profiling server over TLS'),
  pprofAllowOrigins: Origins(),
  pprofTrustedProxies: Proxies(),

  rtsp: Switch(true, 'Open the RTSP server.'),
  rtspTransports: Type.Array(Type.Enum(['udp', 'multicast', 'tcp']), {
    default: ['udp', 'multicast', 'tcp'],
    description: 'How RTP may travel between Perch and its RTSP clients.',
  }),
  rtspEncryption: Type.Enum(['no', 'optional', 'strict'], {
    default: 'no',
    words: { yes: 'strict', no: 'no' },
    description: 'RTSP over TLS: no, beside plain RTSP, or alone.',
  }),
  rtspAddress: Address(':8554', 'Port of RTSP.'),
  rtspsAddress: Address(':8322', 'Port of RTSP over TLS.'),
  rtpAddress: Address(':8000', 'UDP port of RTP.'),
  rtcpAddress: Address(':8001', 'UDP port of RTCP.'),
  multicastIPRange: Type.String({
    syntax: 'multicastRange',
    default: '224.1.0.0/16',
    description: 'Group addresses for multicast, one for each path.',
  }),
  multicastRTPPort: Port(8002, 'Port of RTP by multicast.'),
  multicastRTCPPort: Port(8003, 'Port of RTCP by multicast.'),
  rtspServerKey: KeyFile('RTSP over TLS'),
  rtspServerCert: CertFile('RTSP over TLS'),
  rtspAuthMethods: Type.Array(Type.Enum(['basic', 'digest']), {
    default: ['basic'],
    description:
      "How RTSP clients may log in. In Perch's own set-up, where the file has no users and nothing is written here, both: digest is for device passwords.",
  }),

  hls: Switch(true, 'Open the HLS server on its own port.'),
  hlsAddress: Address(':8888', 'Port of the HLS server.'),
  hlsEncryption: Switch(false, 'HLS over TLS, with HTTP/2: Apple devices want both for low latency.'),
  hlsServerKey: KeyFile('HLS over TLS'),
  hlsServerCert: CertFile('HLS over TLS'),
  hlsAllowOrigins: Origins(),
  hlsTrustedProxies: Proxies(),
  hlsAlwaysRemux: Switch(false, 'Prepare HLS for every stream even when nobody asks.'),
  hlsVariant: Type.Enum(['mpegts', 'fmp4', 'lowLatency'], {
    default: 'lowLatency',
    description: 'Kind of HLS: mpegts for old players, fmp4 for more codecs, lowLatency for those and least delay.',
  }),
  hlsSegmentCount: Type.Integer({ minimum: 3, maximum: 1_000, default: 7, description: 'Segments in a playlist.' }),
  hlsSegmentDuration: Duration('1s', 'Shortest segment; the camera decides by its key frames.'),
  hlsPartDuration: Duration('200ms', 'Shortest part of a segment, with lowLatency. Players stay three parts behind.'),
  hlsSegmentMaxSize: Size('50M', 'A larger segment ends the muxer with an error.'),
  hlsDirectory: Type.String({
    default: '',
    description: 'Folder where segments are stored as well, in one folder for each path. Empty = in memory only.',
  }),
  hlsMuxerCloseAfter: Duration('60s', 'Stop preparing HLS when nobody has asked for this long.'),
  hlsCDNSecret: Type.String({
    default: '',
    secret: true,
    syntax: 'token',
    description: 'Whoever sends this as a Bearer token is a CDN: it needs no login, and may keep what it gets.',
  }),

  webrtc: Switch(true, 'Open the WebRTC server on its own port.'),
  webrtcAddress: Address(':8889', 'Port of WebRTC signalling (WHEP and WHIP).'),
  webrtcEncryption: Switch(false, 'WebRTC signalling and pages over TLS.'),
  webrtcServerKey: KeyFile('WebRTC signalling over TLS'),
  webrtcServerCert: CertFile('WebRTC signalling over TLS'),
  webrtcAllowOrigins: Origins(),
  webrtcTrustedProxies: Proxies(),
  webrtcLocalUDPAddress: Address(':8189', 'UDP port of WebRTC media. Empty = off.'),
  // MediaMTX's is empty: networks that block UDP would see nothing.
  webrtcLocalTCPAddress: Address(':8189', 'TCP port of WebRTC media, for networks that block UDP. Empty = off.'),
  webrtcIPsFromInterfaces: Switch(true, 'Offer the addresses of the network interfaces.'),
  webrtcIPsFromInterfacesList: Texts('Interfaces whose addresses are offered. Empty = all.'),
  webrtcAdditionalHosts: Texts('More host names or addresses to offer, such as the public one.'),
  webrtcICEServers2: Type.Array(IceServer, {
    default: [],
    description: 'STUN and TURN servers that browsers are told to use. Perch itself asks none.',
  }),
  webrtcHandshakeTimeout: Duration('10s', 'Give up on a WebRTC peer that does not connect within this time.'),
  webrtcTrackGatherTimeout: Duration('2s', 'Go on with the tracks that a WebRTC publisher has sent within this time.'),
  webrtcSTUNGatherTimeout: Duration('5s', 'Of no effect: Perch itself asks no STUN server.'),

  ...ZLM_KEYS,
});
export type GlobalSettings = Resolved<Static<typeof GlobalSchema>>;
/** Settings that differ where Perch made the file itself: its own page needs them, and a disk that fills up is nobody's wish. */
export const OWN_DEFAULTS = { api: true, playback: true, metrics: true, recordMinFree: '10%' } as const;
