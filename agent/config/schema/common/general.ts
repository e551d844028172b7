import Type, { type Static, type TObject } from 'typebox';
import { Address, IpRanges } from '../../values/address.ts';
import { Command, Restart } from '../../values/command.ts';
import { Duration } from '../../values/duration.ts';
import { FreeSpaceText } from '../../values/free-space.ts';
import type { Resolved } from '../../values/quantity.ts';
import { CertFile, Fingerprint, KeyFile, Origins, Proxies, Switch } from './fields.ts';
import { asList, type Renames } from './key-rules.ts';

const Permission = Type.Object({
  action: Type.Enum(['publish', 'read', 'playback', 'api', 'metrics', 'pprof'], { description: 'What is permitted.' }),
  path: Type.String({ default: '', description: 'Path name, ~regular expression, or empty for every path.' }),
});

export type PermissionRule = Static<typeof Permission>;
const Exclusions = (exempt: string) =>
  Type.Array(Permission, { default: [], isRight: true, description: `Permissions of every client: ${exempt}.` });

const InternalUserSchema = Type.Object({
  user: Type.String({ minLength: 1, description: 'User name, or "any" for everyone.' }),
  pass: Type.String({ default: '', secret: true, description: 'Password, or sha256: or argon2: and its hash.' }),
  ips: IpRanges('Addresses that the user may come from. Empty = any.'),
  permissions: Type.Array(Permission, { default: [], description: 'What the user may do.' }),
});
export type InternalUser = Static<typeof InternalUserSchema>;

/** MediaMTX's permissions for a file without users. */
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

/** Top-level settings that belong to no protocol. Names and defaults are MediaMTX's, except for the first block. */
export const GENERAL_KEYS = {
  address: Address(':8080', 'Main port: the web page and every HTTP service behind one login.'),
  tlsAddress: Address(
    '',
    "The same as `address` over https. Empty = off. Default in Perch's own setup: port 8443 next to `address`, unless that is a loopback address.",
  ),
  tlsServerKey: KeyFile(),
  tlsServerCert: CertFile(),
  tlsRedirect: Type.Boolean({ default: false, description: 'Redirect browsers from `address` to `tlsAddress`.' }),
  mdns: Type.Boolean({
    default: true,
    description: 'Announce the page in the local network as `boxName`.local, and look there for paired boxes.',
  }),
  boxName: Type.String({
    default: 'perch',
    syntax: 'hostLabel',
    description:
      'Name of this box in the local network, without .local. A number is appended if another device has it.',
  }),
  server: Type.Boolean({
    default: false,
    isRight: true,
    description:
      'This Perch shows cameras of boxes and has none of its own: it searches for no cameras, and has no demo camera.',
  }),
  timetableZone: Type.String({
    default: '',
    syntax: 'timeZone',
    description: "Time zone of hours in the settings, such as Europe/Vienna. Empty = this box's.",
  }),
  trustedProxies: IpRanges('Reverse proxies before the main port whose X-Forwarded headers are trusted.', {
    isRight: true,
  }),
  recordSyncInterval: Duration(
    '5s',
    'Flush recordings to the disk at least this often. A power cut loses no more than this.',
  ),
  recordMinFree: FreeSpaceText(
    '0%',
    "Space to keep free on each recording disk, 10% or 20G, by deleting the oldest of Perch's own recordings. 0% = off.",
  ),
  recordNeedsDisk: Type.Boolean({
    default: false,
    description: "Record only to a mounted disk, never to the system's own, to flash memory or to RAM.",
  }),
  viewsDeleteAfter: Duration(
    '30d',
    'Delete entries of the viewing history that ended longer ago than this. 0s = never, up to 2 MB.',
  ),

  logLevel: Type.Enum(['error', 'warn', 'info', 'debug'], {
    default: 'info',
    description: 'Minimum severity of log lines.',
  }),
  logDestinations: Type.Array(Type.Enum(['stdout', 'file', 'syslog']), {
    default: ['stdout'],
    description: 'Where log lines go.',
  }),
  logStructured: Switch(false, 'Write log lines as JSON objects, to the terminal and to the file.'),
  logFile: Type.String({
    names: 'file',
    isRight: true,
    minLength: 1,
    default: 'mediamtx.log',
    description: 'Log file of the destination file. Above 64 MB it is renamed to FILE.1. SIGHUP reopens it.',
  }),
  sysLogPrefix: Type.String({
    minLength: 1,
    default: 'mediamtx',
    description: 'Name of the program at the destination syslog.',
  }),
  dumpPackets: Type.Boolean({
    default: false,
    isRight: true,
    description:
      'Write the packets of all connections, with passwords and media, to pcapng files, up to 1 GB or a tenth of what is free.',
  }),
  runOnConnect: Command('Run for each RTSP, RTMP and SRT client while it is connected.'),
  runOnConnectRestart: Restart(),
  runOnDisconnect: Command('Run once when such a client has disconnected.'),
  readTimeout: Duration('10s', 'Close the connection of a peer that sends nothing for this long.'),
  writeTimeout: Duration('10s', 'Close the connection of a peer that reads nothing for this long.'),
  writeQueueSize: Type.Integer({
    minimum: 1,
    maximum: 1 << 20,
    default: 512,
    description:
      'Disconnect a TCP reader or a forward destination when more packets than this (of 1,472 bytes) wait for it. A power of two.',
  }),
  udpMaxPayloadSize: Type.Integer({
    minimum: 256,
    maximum: 1_472,
    default: 1_452,
    description: 'Largest UDP payload that Perch sends, in bytes.',
  }),
  udpReadBufferSize: Type.Integer({
    minimum: 0,
    maximum: 1 << 30,
    default: 0,
    description: 'Receive buffer of UDP sockets in bytes. 0 = chosen by Perch.',
  }),
  authMethod: Type.Enum(['internal', 'http', 'jwt'], {
    default: 'internal',
    isRight: true,
    description: 'How access is decided.',
  }),
  authInternalUsers: Type.Array(InternalUserSchema, {
    default: [],
    isRight: true,
    description: 'Users of streams, API and metrics.',
  }),
  authHTTPAddress: Type.String({
    default: '',
    isRight: true,
    syntax: 'askedUrl',
    description: 'With authMethod: http, URL that gets each request for access by POST. 2xx = allowed.',
  }),
  authHTTPFingerprint: Fingerprint("its server's", { isRight: true }),
  authHTTPExclude: Exclusions('authHTTPAddress is not asked'),
  authJWTJWKS: Type.String({
    default: '',
    isRight: true,
    syntax: 'askedUrl',
    description: 'With authMethod: jwt, URL of the public keys (JWKS), which are cached for an hour.',
  }),
  authJWTJWKSFingerprint: Fingerprint("its server's", { isRight: true }),
  authJWTClaimKey: Type.String({
    isRight: true,
    minLength: 1,
    default: 'mediamtx_permissions',
    description: "The claim that lists a token's permissions.",
  }),
  authJWTExclude: Exclusions('no token is needed'),
  authJWTInHTTPQuery: Type.Boolean({
    default: false,
    isRight: true,
    description: 'Accept tokens in the query of HTTP requests (?token=, ?jwt=), too. They end up in logs.',
  }),
  authJWTIssuer: Type.String({
    default: '',
    isRight: true,
    description: 'Required issuer of the token (iss). Empty = any.',
  }),
  authJWTAudience: Type.String({
    default: '',
    isRight: true,
    description: 'Required audience of the token (aud). Empty = any.',
  }),

  api: Switch(false, 'Open the control API on its own port.'),
  apiAddress: Address(':9997', 'Port of the control API.'),
  apiEncryption: Switch(false, 'The control API over TLS.'),
  apiServerKey: KeyFile(),
  apiServerCert: CertFile(),
  apiAllowOrigins: Origins(),
  apiTrustedProxies: Proxies(),

  playback: Switch(false, 'Open the playback server on its own port.'),
  playbackAddress: Address(':9996', 'Port of the playback server.'),
  playbackEncryption: Switch(false, 'The playback server over TLS.'),
  playbackServerKey: KeyFile(),
  playbackServerCert: CertFile(),
  playbackAllowOrigins: Origins(),
  playbackTrustedProxies: Proxies(),

  metrics: Switch(false, 'Open the metrics server (Prometheus) on its own port.'),
  metricsAddress: Address(':9998', 'Port of the metrics server.'),
  metricsEncryption: Switch(false, 'The metrics server over TLS.'),
  metricsServerKey: KeyFile(),
  metricsServerCert: CertFile(),
  metricsAllowOrigins: Origins(),
  metricsTrustedProxies: Proxies(),

  pprof: Switch(false, 'Open the profiling server on its own port.'),
  pprofAddress: Address(':9999', 'Port of the profiling server.'),
  pprofEncryption: Switch(false, 'The profiling server over TLS.'),
  pprofServerKey: KeyFile(),
  pprofServerCert: CertFile(),
  pprofAllowOrigins: Origins(),
  pprofTrustedProxies: Proxies(),
};
export type GeneralSettings = Resolved<Static<TObject<typeof GENERAL_KEYS>>>;

/** Former names, as MediaMTX still takes them. */
export const GENERAL_RENAMED: Renames = {
  readBufferCount: { to: 'writeQueueSize' },
  rtspUDPReadBufferSize: { to: 'udpReadBufferSize' },
  apiAllowOrigin: { to: 'apiAllowOrigins', convert: asList },
  playbackAllowOrigin: { to: 'playbackAllowOrigins', convert: asList },
  metricsAllowOrigin: { to: 'metricsAllowOrigins', convert: asList },
  pprofAllowOrigin: { to: 'pprofAllowOrigins', convert: asList },
};
