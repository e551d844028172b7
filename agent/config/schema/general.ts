import Type, { type Static, type TObject } from 'typebox';
import { Address, IpRanges } from '../values/address.ts';
import { Command, Restart } from '../values/command.ts';
import { Duration } from '../values/duration.ts';
import { FreeSpaceText } from '../values/free-space.ts';
import type { Resolved } from '../values/quantity.ts';
import { CertFile, KeyFile, Origins, Proxies, Switch } from './fields.ts';
import { asList, type Renames } from './key-rules.ts';

const Permission = Type.Object({
  action: Type.Enum(['publish', 'read', 'playback', 'api', 'metrics', 'pprof']),
  path: Type.String({ default: '', description: 'Path name, ~regular expression, or empty for every path.' }),
});

export type PermissionRule = Static<typeof Permission>;
const Exclusions = (server: string) =>
  Type.Array(Permission, { default: [], description: `Permissions of every client: ${server} is not used for them.` });

const InternalUserSchema = Type.Object({
  user: Type.String({ minLength: 1, description: 'User name, or "any" for everyone.' }),
  pass: Type.String({ default: '', secret: true, description: 'Password, or its hash after sha256: or argon2:.' }),
  ips: IpRanges('Addresses that the user may come from. Empty = any.'),
  permissions: Type.Array(Permission, { default: [] }),
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
    "The same as `address` over https, for example :8443. Empty = off. In Perch's own setup, without this key: port 8443 next to `address`, unless that is a loopback address.",
  ),
  tlsServerKey: KeyFile('tlsAddress'),
  tlsServerCert: CertFile('tlsAddress'),
  tlsRedirect: Type.Boolean({ default: false, description: 'Redirect browsers from `address` to `tlsAddress`.' }),
  mdns: Type.Boolean({ default: true, description: 'Announce the page in the local network as `boxName`.local.' }),
  boxName: Type.String({
    default: 'perch',
    syntax: 'hostLabel',
    description:
      'Name of this box in the local network, without .local. A number is appended if another device has it.',
  }),
  trustedProxies: IpRanges('Reverse proxies before the main port whose X-Forwarded headers are trusted.'),
  updateAddress: Type.String({
    default: '',
    syntax: 'askedUrl',
    description:
      'Folder of a web server with updates of Perch (`perch-update.json`). Read only when the owner asks for updates.',
  }),
  recordSyncInterval: Duration(
    '5s',
    'Write recordings to the disk at least this often: the maximum loss of a power cut.',
  ),
  recordMinFree: FreeSpaceText(
    '0%',
    "Delete the oldest of Perch's own recordings before less than this of their disk is free: 10% or 20G. 0% = never.",
  ),
  recordNeedsDisk: Type.Boolean({
    default: false,
    description: "Record only to a mounted disk, not to the system's own, to flash memory, or to RAM.",
  }),
  viewsDeleteAfter: Duration(
    '30d',
    'Delete views from the viewing history that ended longer ago than this. 0s = never, up to 2 MB.',
  ),

  logLevel: Type.Enum(['error', 'warn', 'info', 'debug'], {
    default: 'info',
    description: 'Minimum severity of log lines.',
  }),
  logDestinations: Type.Array(Type.Enum(['stdout', 'file', 'syslog']), {
    default: ['stdout'],
    description: 'Where log lines go: stdout, file, syslog.',
  }),
  logStructured: Switch(false, 'Log lines as JSON objects, in the terminal and in the file.'),
  logFile: Type.String({
    minLength: 1,
    default: 'mediamtx.log',
    description: 'With destination file: the log file. Above 64 MB it is renamed to FILE.1. SIGHUP opens it again.',
  }),
  sysLogPrefix: Type.String({
    minLength: 1,
    default: 'mediamtx',
    description: 'With destination syslog: name of the program there.',
  }),
  runOnConnect: Command('Run for each RTSP client while it is connected.'),
  runOnConnectRestart: Restart('runOnConnect'),
  runOnDisconnect: Command('Run once for each RTSP client after it has disconnected.'),
  readTimeout: Duration('10s', 'Close the connection of a peer that sends nothing for this long.'),
  writeTimeout: Duration('10s', 'Close the connection of a peer that reads nothing for this long.'),
  writeQueueSize: Type.Integer({
    minimum: 1,
    maximum: 1 << 20,
    default: 512,
    description: 'Packets that may wait for a reader before it is disconnected. A power of two.',
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
  authMethod: Type.Enum(['internal', 'http', 'jwt'], { default: 'internal', description: 'How access is decided.' }),
  authInternalUsers: Type.Array(InternalUserSchema, { default: [], description: 'Users of streams, API and metrics.' }),
  authHTTPAddress: Type.String({
    default: '',
    syntax: 'askedUrl',
    description: 'With authMethod http: server that decides, by POST. 2xx = allowed.',
  }),
  authHTTPFingerprint: Type.String({
    default: '',
    syntax: 'fingerprint',
    description: 'SHA-256 of its TLS certificate in hex. It is trusted regardless of its issuer.',
  }),
  authHTTPExclude: Exclusions('authHTTPAddress'),
  authJWTJWKS: Type.String({
    default: '',
    syntax: 'askedUrl',
    description: 'With authMethod jwt: URL of the public keys (JWKS). They are cached for an hour.',
  }),
  authJWTJWKSFingerprint: Type.String({
    default: '',
    syntax: 'fingerprint',
    description: 'SHA-256 of its TLS certificate in hex. It is trusted regardless of its issuer.',
  }),
  authJWTClaimKey: Type.String({
    minLength: 1,
    default: 'mediamtx_permissions',
    description: "The claim that lists a token's permissions.",
  }),
  authJWTExclude: Exclusions('for a token'),
  authJWTInHTTPQuery: Switch(
    false,
    'Accept tokens in the query of HTTP requests, too (?token=, ?jwt=): they end up in logs.',
  ),
  authJWTIssuer: Type.String({ default: '', description: 'Required issuer of the token (iss). Empty = any.' }),
  authJWTAudience: Type.String({ default: '', description: 'Required audience of the token (aud). Empty = any.' }),

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
