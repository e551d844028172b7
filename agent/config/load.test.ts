import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEPRECATED_GLOBAL, DEPRECATED_PATH } from './deprecated.ts';
import { GlobalSchema } from './global.ts';
import { type Config, parseConfig, resolvePath } from './load.ts';
import { PathSchema } from './path.ts';
import { problemText } from './problem.ts';
import { namesOf, UNSUPPORTED_GLOBAL, UNSUPPORTED_PATH } from './unsupported.ts';

const defaults = { recordPath: '/data/recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/home/me' };
const load = (text: string, env: Record<string, string> = {}) => parseConfig(text, 'perch.yml', env, defaults);
const linesOf = (text: string, severity: string) =>
  load(text)
    .problems.filter((one) => one.severity === severity)
    .map(problemText);

function good(text: string, env: Record<string, string> = {}): Config {
  const { config, problems } = load(text, env);
  expect(problems.filter((one) => one.severity === 'error')).toEqual([]);
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

test('an empty file is everything at the defaults of MediaMTX', () => {
  const config = good('');
  expect(config).toMatchObject({
    isOwn: false,
    api: false,
    playback: false,
    hlsAddress: ':8888',
    readTimeoutMs: 10_000,
  });
  expect(config.hlsSegmentMaxSizeBytes).toBe(50 * 1024 * 1024);
  expect(config.pathDefaults).toMatchObject({ source: 'publisher', recordDeleteAfterMs: 86_400_000 });
  expect(config.pathDefaults.recordPath).toBe(defaults.recordPath);
  expect(config.paths.size).toBe(0);
});

test('space is kept free where the set-up is our own, and elsewhere when the file says so', () => {
  expect(good('perch: own').recordMinFree).toBe('10%');
  expect(good('perch: own\nrecordMinFree: 0').recordMinFree).toBe('0B');
  expect(good('hls: no').recordMinFree).toBe('0%');
  expect(good('recordMinFree: 20GB').recordMinFree).toBe('20G');
  const { pathDefaults, paths } = good('pathDefaults: {recordMaxSize: 50G}\npaths: {a: {}, b: {recordMaxSize: 0}}');
  expect(pathDefaults.recordMaxSizeBytes).toBe(50 * 2 ** 30);
  expect([...paths.values()].map(({ settings }) => settings?.recordMaxSizeBytes)).toEqual([50 * 2 ** 30, 0]);
});

test('a file of its own opens API, playback and metrics and lets nobody in', () => {
  const opened = { api: true, playback: true, metrics: true, pprof: false };
  expect(good('perch: own')).toMatchObject({ isOwn: true, ...opened, authInternalUsers: [] });
});

test("where users are left out, MediaMTX's hold, and one line says what that means", () => {
  expect(good('hls: no').authInternalUsers.map((user) => user.permissions.map(({ action }) => action))).toEqual([
    ['publish', 'read', 'playback'],
    ['api', 'metrics', 'pprof'],
  ]);
  expect(linesOf('hls: no', 'warn')).toEqual([
    'perch.yml: authInternalUsers: anyone on this network can watch: set users with this key',
  ]);
});

test("a file with every key of MediaMTX's vocabulary loads without an error", () => {
  const text = readFileSync(`${import.meta.dirname}/fixtures/all-keys.yml`, 'utf8');
  const config = good(text);
  expect(config.paths.get('garage')?.settings?.source).toBe('rtsp://viewer:secret@192.168.1.20:554/stream1');
  expect(linesOf(text, 'warn').map((line) => line.replace(/^perch.yml:\d+: /, ''))).toEqual([
    'rtmp: the RTMP server is not supported yet',
    'srt: the SRT server is not supported yet',
    'moq: the Media-over-QUIC server is not supported yet',
  ]);
  for (const line of linesOf(text, 'note')) {
    expect(line).toMatch(
      /^perch\.yml:\d+: \S+: (this does nothing here, and as it is written nothing is missing|'lowLatency' is)/,
    );
  }
});

test('the file of all keys has each of them', () => {
  const text = readFileSync(`${import.meta.dirname}/fixtures/all-keys.yml`, 'utf8');
  const former =
    /^(rpiCamera(Profile|Level|Hardware|Software|JPEG)|.*UDPReadBufferSize$|.*Disable$|.*AllowOrigin$|moqHTTPS)/;
  const others =
    /^(address|trustedProxies|tls[A-Z]\w+|zlm[A-Z]\w+|recordSyncInterval|recordMinFree|recordMaxSize|recordPreRoll|recordPostRoll|camera|authJWTInHTTPQuery|fallback|playback)$/;
  const names = [
    ...Object.keys({ ...GlobalSchema.properties, ...PathSchema.properties }),
    ...namesOf([...UNSUPPORTED_GLOBAL, ...UNSUPPORTED_PATH]),
  ];
  const missing = names.filter((name) => !former.test(name) && !others.test(name) && !text.includes(`${name}:`));
  expect(missing).toEqual([]);
});

test('no key is both supported and not', () => {
  const global = new Set(Object.keys(GlobalSchema.properties));
  const path = new Set(Object.keys(PathSchema.properties));
  expect(namesOf(UNSUPPORTED_GLOBAL).filter((name) => global.has(name))).toEqual([]);
  expect(namesOf(UNSUPPORTED_PATH).filter((name) => path.has(name))).toEqual([]);
  expect(DEPRECATED_PATH.filter((name) => path.has(name))).toEqual([]);
  expect(DEPRECATED_GLOBAL.filter((name) => global.has(name))).toEqual([]);
});

test.for([
  ['a: [', 'perch.yml:1: not valid YAML: '],
  ['hls: yes\nhls: no', 'perch.yml:2: hls: the key stands here for the second time, first in line 1'],
  ['paths:\n  a:\n  a:', 'perch.yml:3: paths.a: the key stands here for the second time, first in line 2'],
  ['- a', 'perch.yml:1: the file is not a list of keys'],
  ['a: *b', 'perch.yml:1: a: the alias *b has no anchor before it'],
  ['hls: maybe', "perch.yml:1: hls: 'maybe' is not yes or no"],
  [
    'hls: no\npathDefaults:\n  recordPartDuration: 1 second',
    "perch.yml:3: pathDefaults.recordPartDuration: '1 second' is not a duration: write for example 10s, 1h30m or 200ms",
  ],
  ['readTimeout: 10', "perch.yml:1: readTimeout: '10' is not a duration"],
  ['recordMinFree: much', "perch.yml:1: recordMinFree: 'much' is not free space: write for example 10% or 20G"],
  ['readTimeout: 0s', 'perch.yml:1: readTimeout: must be longer than zero'],
  ['hlsSegmentMaxSize: 50', "perch.yml:1: hlsSegmentMaxSize: '50' is not a size"],
  ['hlsSegmentCount: 2', "perch.yml:1: hlsSegmentCount: '2' must be >= 3"],
  ['hlsSegmentDuration: 0s', 'perch.yml:1: hlsSegmentDuration: must be longer than zero'],
  ['hlsPartDuration: 0s', 'perch.yml:1: hlsPartDuration: must be longer than zero'],
  ['hlsVariant: lowlatency', "perch.yml:1: hlsVariant: 'lowlatency' is not one of mpegts, fmp4, lowLatency"],
  ['hlsEncryption: strict', "perch.yml:1: hlsEncryption: 'strict' is not yes or no"],
  ['hlsCDNSecret: "se cret"', 'perch.yml:1: hlsCDNSecret: the secret has other characters than A-Z a-z 0-9 and'],
  ['hlsSegmentCount: many', "perch.yml:1: hlsSegmentCount: 'many' is not a whole number"],
  ['logLevel: loud', "perch.yml:1: logLevel: 'loud' is not one of error, warn, info, debug"],
  ['hlsAddress: "8888"', "perch.yml:1: hlsAddress: '8888' is not an address"],
  ['hlsAllowOrigins: "*"', 'perch.yml:1: hlsAllowOrigins: expected a list here: write [] for none'],
  ['hlsAllowOrigins:', 'perch.yml:1: hlsAllowOrigins: expected a list here: write [] for none'],
  ['hlsTrustedProxies: [10.0.0.0/8, lan]', "perch.yml:1: hlsTrustedProxies[1]: 'lan' is not an IP address or range"],
  ['authMethod: http', "perch.yml:1: authMethod: 'http' needs authHTTPAddress"],
  ['authMethod: jwt', "perch.yml:1: authMethod: 'jwt' needs authJWTJWKS"],
  ['authHTTPAddress: "http://a:b@c"', 'perch.yml:1: authHTTPAddress: not an HTTP address without credentials'],
  ['externalAuthenticationURL: file:///x', 'perch.yml:1: authHTTPAddress: not an HTTP address'],
  [
    'authHTTPExclude:\n- {action: read, path: "~("}',
    "perch.yml:1: authHTTPExclude[0].path: '(' is not a regular expression",
  ],
  [
    'authMethod: jwt\nauthJWTJWKS: http://x\nrtspAuthMethods: [basic, digest]',
    'perch.yml:3: rtspAuthMethods: digest proves nothing to authMethod jwt',
  ],
  [
    'authInternalUsers: [{user: me}]\npaths:\n  a: {readUser: me}',
    'perch.yml:3: paths.a.readUser: cannot stand beside authInternalUsers',
  ],
  ['authInternalUsers:\n- pass: x', 'perch.yml:2: authInternalUsers[0]: the key user is missing'],
  [
    'authInternalUsers:\n- user: ""',
    "perch.yml:2: authInternalUsers[0].user: '' must not have fewer than 1 characters",
  ],
  ['authInternalUsers:\n- user: any\n  pass: x', "perch.yml:1: authInternalUsers[0].pass: the user 'any' cannot have"],
  [
    'webrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: ""',
    'perch.yml:1: webrtcLocalUDPAddress: WebRTC needs this address, webrtcLocalTCPAddress or webrtcICEServers2',
  ],
  ['webrtcLocalTCPAddress: "8189"', "perch.yml:1: webrtcLocalTCPAddress: '8189' is not an address"],
  ['webrtcTrackGatherTimeout: 0s', 'perch.yml:1: webrtcTrackGatherTimeout: must be longer than zero'],
  ['webrtcIPsFromInterfaces: no', 'perch.yml:1: webrtcIPsFromInterfaces: when this is off, webrtcAdditionalHosts'],
  [
    'webrtcICEServers2:\n- url: example.org',
    "perch.yml:2: webrtcICEServers2[0].url: 'example.org' is not an ICE server",
  ],
  ['writeQueueSize: 500', "perch.yml:1: writeQueueSize: '500' is not a power of two"],
  ['udpMaxPayloadSize: 1473', "perch.yml:1: udpMaxPayloadSize: '1473' must be <= 1472"],
  ['rtspTransports: [tcp, quic]', "perch.yml:1: rtspTransports[1]: 'quic' is not one of udp, multicast, tcp"],
  ['rtspTransports: []', 'perch.yml:1: rtspTransports: must name at least one'],
  ['rtspEncryption: maybe', "perch.yml:1: rtspEncryption: 'maybe' is not one of no, optional, strict"],
  ['rtspAuthMethods: []', 'perch.yml:1: rtspAuthMethods: must name at least one'],
  [
    'rtspAuthMethods: [basic, digest]\nauthInternalUsers:\n- {user: me, pass: "sha256:AA=="}',
    'perch.yml:1: rtspAuthMethods: digest needs plain names and passwords, and authInternalUsers[0] has a hash',
  ],
  ['multicastIPRange: 10.0.0.0/8', "perch.yml:1: multicastIPRange: '10.0.0.0/8' is not a range of IPv4 multicast"],
  ['multicastIPRange: 224.0.0.0/3', "perch.yml:1: multicastIPRange: '224.0.0.0/3' is not a range of IPv4 multicast"],
  ['multicastIPRange: ff15::/16', "perch.yml:1: multicastIPRange: 'ff15::/16' is not a range of IPv4 multicast"],
  ['multicastRTPPort: 65536', "perch.yml:1: multicastRTPPort: '65536' must be <= 65535"],
  ['pathDefaults:\n  recordPath: /x/%Y', 'perch.yml:2: pathDefaults.recordPath: must contain %path'],
  ['playback: yes\npathDefaults:\n  recordPath: /x/%path/%s', 'perch.yml:3: pathDefaults.recordPath: must contain %f'],
  ['paths:\n  a:\npathDefaults:\n  readPass: x', 'perch.yml:4: pathDefaults.readPass: is of no use without readUser'],
  ['perch: mine', 'perch.yml:1: perch: expected the word own'],
  ['paths: 5', 'perch.yml:1: paths: expected a block with one key for each path'],
] as const)('%j is refused whole, with its line', ([text, line]) => {
  const { config } = load(text);
  expect(config).toBeUndefined();
  expect(linesOf(text, 'error')[0]?.startsWith(line), linesOf(text, 'error')[0]).toBe(true);
});

test.for([
  [
    'source: bla',
    "source: 'bla' is not a source: write publisher, redirect, or for example rtsp://192.168.1.20:554/stream",
  ],
  ['source: rtmp://h/app', "source: 'rtmp://' is not supported yet: write an rtsp:// URL or publisher"],
  ['source: rpiCamera', "source: 'rpiCamera' is not supported yet"],
  ['source: rtsp://', 'source: the rtsp:// URL is not valid'],
  ['source: rtsp://me@h/x', 'source: the URL has a user without password'],
  ['source: "rtsp://$G1@h/x"', 'source: the URL has a user without password'],
  ['sourceRedirect: /other', "sourceRedirect: is of no use unless the source is 'redirect'"],
  ['fallback: other', 'fallback: not where readers can be sent: write /name of a path, or an rtsp:// URL'],
  ['sourceOnDemand: yes', "sourceOnDemand: is of no use with the source 'publisher'"],
  ['sourceOnDemandStartTimeout: 0s', 'sourceOnDemandStartTimeout: must be longer than zero'],
  ['sourceFingerprint: abc', "sourceFingerprint: 'abc' is not the SHA-256 of a certificate"],
  ['rtspTransport: quic', "rtspTransport: 'quic' is not one of automatic, udp, multicast, tcp"],
  ['rtspUDPSourcePortRange: [9000]', 'rtspUDPSourcePortRange: [9000] is not the first and the last'],
  ['rtspUDPSourcePortRange: [9, 8]', 'rtspUDPSourcePortRange: [9, 8] is not the first and the last'],
  ['rtspScale: fast', "rtspScale: 'fast' is not a number such as 2.0"],
  ['record: perhaps', "record: 'perhaps' is not one of no, always, motion"],
  ['recordSegmentDuration: 25h', "recordSegmentDuration: '1d1h0m0s' is not within the limits"],
  ['recordMaxSize: 1M', "recordMaxSize: '1M' is less than the 10M that recordings need at least: 0 = no limit"],
  ['recordDeleteAfter: 10m', "recordDeleteAfter: '10m0s' is shorter than recordSegmentDuration, which is 1h0m0s"],
  ['recordPath: /x/%path/%Y', 'recordPath: must contain either %s or all of'],
  ['camera: 192.168.1.2', 'camera: expected a block with the keys onvif, profile, user, password, name'],
  ['camera: {onvif: "http://a:b@c"}', 'camera.onvif: not an HTTP address without credentials'],
  ['publishPass: me', 'publishPass: is of no use without publishUser'],
  ['publishUser: [me]', 'publishUser: expected a single value here'],
  ['publishIPs: here', 'publishIPs: expected a list here'],
  ['publishIPs: [here]', 'publishIPs[0]: '],
  ['maxReaders: -1', "maxReaders: '-1' must be >= 0"],
] as const)('a path with "%s" is disabled alone', ([line, error]) => {
  const { config, problems } = load(`paths:\n  wrong:\n    ${line}\n  right:\n`);
  expect(config?.paths.get('wrong')?.error?.startsWith(error), config?.paths.get('wrong')?.error).toBe(true);
  expect(config?.paths.get('right')?.settings).toBeDefined();
  const found = problems.filter((one) => one.severity === 'error');
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ line: 3, path: 'wrong', key: `paths.wrong.${error.split(':')[0]}` });
});

test.for([
  ['/cam', "can't begin with a slash"],
  ['cam/', "can't end with a slash"],
  ['my cam', 'can contain only alphanumeric characters, underscore, dot, minus, slash'],
  ['a/../b', "can't contain dot path segments"],
  ['', 'cannot be empty'],
] as const)('the path name "%s" %s', ([name, reason]) => {
  expect(load(`paths: {"${name}": {}}`).config?.paths.get(name)?.error).toBe(`invalid path name: ${reason} (${name})`);
});

test('no message shows a password', () => {
  const text = [
    'authInternalUsers:\n- user: any\n  pass: hunter2\n',
    'webrtcICEServers2:\n- {url: "turn:h:1", password: [hunter2]}\n',
    'paths:\n  a: {source: "rtsp://me:hunter2/x@h/"}\n  b: {source: "rtmp://me:hunter2@h/"}\n',
    '  c: {source: "me:hunter2@h"}\n  d: {camera: {password: [hunter2]}}\n',
  ].join('');
  const { problems } = load(text);
  expect(problems.filter((one) => one.severity === 'error')).toHaveLength(5);
  expect(problems.map(problemText).join('\n')).not.toContain('hunter2');
});

test('an unknown key is a warning with the name that may be meant', () => {
  expect(linesOf('perch: own\nhlsAdress: :1\nfoo: 1', 'warn')).toEqual([
    'perch.yml:2: hlsAdress: unknown key, did you mean hlsAddress?',
    'perch.yml:3: foo: unknown key',
  ]);
  expect(linesOf('perch: own\npaths:\n  a:\n    sources: x', 'warn')).toEqual([
    'perch.yml:4: paths.a.sources: unknown key, did you mean source?',
  ]);
});

test('a key in the wrong part of the file is a warning that says where it belongs', () => {
  const text = 'perch: own\nrecordMaxSize: 1G\npathDefaults:\n  recordMinFree: 1G\npaths:\n  a:\n    recordMinFree: 1G';
  expect(linesOf(text, 'warn')).toEqual([
    'perch.yml:2: recordMaxSize: unknown key here, it belongs into a path or into pathDefaults',
    'perch.yml:4: pathDefaults.recordMinFree: unknown key here, it belongs to the top level of the file',
    'perch.yml:7: paths.a.recordMinFree: unknown key here, it belongs to the top level of the file',
  ]);
});

test('a key that does nothing yet is a warning when it asks for something, and a note at its default', () => {
  const text =
    'perch: own\nsrtpAddress: :554\nsrtcpAddress: :8005\npathDefaults:\n  alwaysAvailable: yes\nsysLogPrefix: mediamtx';
  expect(linesOf(text, 'warn')).toEqual([
    'perch.yml:2: srtpAddress: SRTP for RTSP clients is not supported yet',
    'perch.yml:5: pathDefaults.alwaysAvailable: a picture while the source is away is not supported yet',
  ]);
  expect(linesOf(text, 'note')).toEqual([
    'perch.yml:6: sysLogPrefix: this does nothing here, and as it is written nothing is missing',
  ]);
});

test('what a file switches off or leaves at its default is not called unsupported', () => {
  const text =
    "perch: own\nrtmpEncryption: no\nrtmpServerKey: server.key\nrtmp: no\nsrt: no\nrunOnConnect: ''\nlogDestinations: [stdout]\nauthHTTPExclude: []";
  expect(linesOf(text, 'warn')).toEqual([]);
  expect(linesOf(text, 'note').map((line) => line.replace(/^.*?: (\w+): /, '$1: '))).toEqual([
    'rtmpEncryption: this does nothing here, and as it is written nothing is missing, with it rtmpServerKey (line 3), rtmp (line 4)',
    ...['srt', 'logDestinations'].map(
      (key) => `${key}: this does nothing here, and as it is written nothing is missing`,
    ),
  ]);
});

test('Digest alone, which the owner cannot log in with, is a warning where there is an owner only', () => {
  const digest = 'rtspAuthMethods: [digest]';
  expect(linesOf(`perch: own\n${digest}`, 'warn')).toEqual([
    'perch.yml:2: rtspAuthMethods: the owner cannot log in with digest, because only the hash of the password is known: add basic',
  ]);
  const others = ['perch: own\nrtspAuthMethods: [basic, digest]', `perch: own\nrtsp: no\n${digest}`];
  for (const text of [...others, `authInternalUsers: []\n${digest}`]) {
    expect(linesOf(text, 'warn')).toEqual([]);
  }
});

test('every kind of HLS is taken, and low latency with too short a playlist gets a longer one', () => {
  const written = (variant: string, count: number) => `perch: own\nhlsVariant: ${variant}\nhlsSegmentCount: ${count}`;
  const texts = [written('lowLatency', 7), written('mpegts', 3), written('fmp4', 3)];
  expect(texts.map((text) => good(text).hlsVariant)).toEqual(['lowLatency', 'mpegts', 'fmp4']);
  expect(texts.flatMap((text) => linesOf(text, 'warn'))).toEqual([]);
  expect(linesOf(written('lowLatency', 3), 'warn')).toEqual([
    "perch.yml:3: hlsSegmentCount: '3' is too few for hlsVariant lowLatency: a playlist has 7",
  ]);
});

test('parts, folder, certificate and secret of HLS are those of MediaMTX when nothing is written', () => {
  expect(good('')).toMatchObject({
    ...{ hlsPartDurationMs: 200, hlsDirectory: '', hlsCDNSecret: '' },
    ...{ hlsEncryption: false, hlsServerKey: 'server.key', hlsServerCert: 'server.crt' },
  });
  const text = 'hlsEncryption: yes\nhlsPartDuration: 0.5s\nhlsDirectory: /dev/shm/hls\nhlsCDNSecret: Se-cr!t<1>';
  expect(good(text)).toMatchObject({
    ...{ hlsPartDurationMs: 500, hlsDirectory: '/dev/shm/hls', hlsCDNSecret: 'Se-cr!t<1>', hlsEncryption: true },
  });
});

test('yes, on and their kin are booleans, and a password keeps its leading zero', () => {
  const config = good('api: yes\nplayback: On\nhls: NO\nwebrtc: off\nauthInternalUsers: [{user: 007, pass: 0123}]');
  expect(config).toMatchObject({ api: true, playback: true, hls: false, webrtc: false });
  expect(config.authInternalUsers[0]).toEqual({ user: '007', pass: '0123', ips: [], permissions: [] });
});

test('an empty value keeps the default, an empty path has those of pathDefaults', () => {
  const config = good('logLevel:\npathDefaults: {record: yes}\npaths: {cam: }');
  expect(config.logLevel).toBe('info');
  expect(config.paths.get('cam')?.settings?.record).toBe('always');
});

test('anchors and merged blocks are followed, the own key before the merged one', () => {
  const text = 'paths:\n  a: &a {record: yes, maxReaders: 3}\n  b: {<<: *a, maxReaders: 4}\n  c: *a\n';
  const config = good(text);
  expect(config.paths.get('b')?.settings).toMatchObject({ record: 'always', maxReaders: 4 });
  expect(config.paths.get('c')?.settings).toMatchObject({ record: 'always', maxReaders: 3 });
});

test('a relative recordPath is relative to the working directory', () => {
  const config = good('paths: {a: {recordPath: ./rec/%path/%s}, b: {recordPath: /mnt/%path/%s}}');
  expect(config.paths.get('a')?.settings?.recordPath).toBe('/home/me/rec/%path/%s');
  expect(config.paths.get('b')?.settings?.recordPath).toBe('/mnt/%path/%s');
});

test('recordings are made in either format', () => {
  const text = 'perch: own\npaths: {a: {record: yes, recordFormat: mpegts}, b: {record: yes}}';
  const formats = [...good(text).paths.values()].map(({ settings }) => settings?.recordFormat);
  expect(formats).toEqual(['mpegts', 'fmp4']);
  expect(linesOf(text, 'warn')).toEqual([]);
});

test('one way for WebRTC media is enough, and TCP is one unless the file says otherwise', () => {
  expect(good('hls: no')).toMatchObject({ webrtcLocalUDPAddress: ':8189', webrtcLocalTCPAddress: ':8189' });
  expect(good('webrtcLocalUDPAddress: ""').webrtcLocalTCPAddress).toBe(':8189');
  expect(good('webrtcLocalTCPAddress: ""').webrtcLocalTCPAddress).toBe('');
  const browsersOnly = 'webrtcICEServers2: [{url: "turn:h:1", clientOnly: yes}]';
  expect(good(`webrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: ""\n${browsersOnly}`).webrtcICEServers2).toHaveLength(
    1,
  );
});

test('a source of pathDefaults that is not supported disables the paths that use it', () => {
  const config = load('pathDefaults: {source: srt://h}\npaths: {a: , b: {source: publisher}}').config;
  expect(config?.paths.get('a')?.error).toContain('is not supported yet');
  expect(config?.paths.get('b')?.settings).toBeDefined();
});

test('former names are taken with a warning', () => {
  const text = [
    'perch: own',
    'hlsAllowOrigin: https://a',
    'webrtcDisable: yes',
    'webrtcICEUDPMuxAddress: :9',
    'webrtcICETCPMuxAddress: :10',
    'webrtcICEHostNAT1To1IPs: [1.2.3.4]',
    'webrtcICEServers: [stun:h:1, turn:me:pw:h:2]',
    'record: yes',
    'readBufferCount: 1024',
    'protocols: [tcp]',
    'encryption: optional',
    'authMethods: [digest]',
    'serverKey: a.key',
    'serverCert: a.crt',
    'rtspUDPReadBufferSize: 65536',
    'rtspDisable: yes',
    'paths: {a: {sourceProtocol: tcp, sourceAnyPortEnable: yes, disablePublisherOverride: yes}}',
  ].join('\n');
  const config = good(text);
  expect(config).toMatchObject({ hlsAllowOrigins: ['https://a'], webrtc: false });
  expect(config).toMatchObject({ webrtcLocalUDPAddress: ':9', webrtcLocalTCPAddress: ':10' });
  expect(config.webrtcAdditionalHosts).toEqual(['1.2.3.4']);
  expect(config.webrtcICEServers2).toMatchObject([
    { url: 'stun:h:1', username: '' },
    { url: 'turn:h:2', username: 'me', password: 'pw', clientOnly: false },
  ]);
  expect(config).toMatchObject({
    ...{ writeQueueSize: 1_024, rtspTransports: ['tcp'], rtspEncryption: 'optional', rtspAuthMethods: ['digest'] },
    ...{ rtspServerKey: 'a.key', rtspServerCert: 'a.crt', udpReadBufferSize: 65_536, rtsp: false },
  });
  expect(config.paths.get('a')?.settings).toMatchObject({
    ...{ record: 'always', rtspTransport: 'tcp', rtspAnyPort: true, overridePublisher: false },
  });
  expect(linesOf(text, 'warn')).toHaveLength(18);
  expect(linesOf(text, 'warn')).toContain('perch.yml:8: record: this key is called pathDefaults.record now');
});

test('the name itself is looked up first, then patterns by their order, the one for all others last', () => {
  const config = good('paths: {all_others: , "~^b": , "~^a": , ab: }');
  const resolved = ['ab', 'abc', 'bc', 'xyz'].map((name) => resolvePath(config, name)?.name);
  expect(resolved).toEqual(['ab', '~^a', '~^b', 'all_others']);
  expect(resolvePath(good('paths: {ab: }'), 'x')).toBeUndefined();
});

test('a disabled pattern keeps its names closed', () => {
  const config = load('paths: {"~^cam": {record: perhaps}, all: }').config;
  expect(config && resolvePath(config, 'cam1')).toMatchObject({
    name: '~^cam',
    error: "record: 'perhaps' is not one of no, always, motion",
  });
});

test('only one entry can stand for all others, and a pattern is pulled on demand or not at all', () => {
  const config = load('paths: {all: , all_others: , "~x": {source: "rtsp://h/"}, "~(": }').config;
  expect(config?.paths.get('all_others')?.error).toBe('means the same as all above: only one of them can be there');
  expect(config?.paths.get('~x')?.error).toContain('source: a source for a pattern of names needs sourceOnDemand: yes');
  expect(config?.paths.get('~(')?.error).toContain("'(' is not a regular expression");
});

test('variables override the file, and those of Perch those of MediaMTX', () => {
  const config = good('hlsAddress: :1\napi: no\npaths: {cam: {record: no}}', {
    MTX_HLSADDRESS: ':2',
    PERCH_HLSADDRESS: ':3',
    MTX_API: 'YES',
    MTX_HLSALLOWORIGINS: 'https://a,https://b',
    MTX_WEBRTCALLOWORIGINS: '',
    MTX_RTSPTRANSPORTS: 'tcp,udp',
    MTX_PATHDEFAULTS_RECORDPARTDURATION: '2s',
    MTX_PATHS_CAM_RECORD: 'true',
    MTX_PATHS_NEW_SOURCE: 'rtsp://h/x',
    MTX_PATHS_NEW_CAMERA_USER: 'me',
  });
  expect(config).toMatchObject({ hlsAddress: ':3', api: true, webrtcAllowOrigins: [] });
  expect(config.hlsAllowOrigins).toEqual(['https://a', 'https://b']);
  expect(config.rtspTransports).toEqual(['tcp', 'udp']);
  expect(config.paths.get('cam')?.settings).toMatchObject({ record: 'always', recordPartDurationMs: 2_000 });
  expect(config.paths.get('new')?.settings).toMatchObject({ source: 'rtsp://h/x', camera: { user: 'me' } });
});

test('variables change single keys of lists, of the default ones too', () => {
  const env = { MTX_AUTHINTERNALUSERS_0_USER: 'me', MTX_AUTHINTERNALUSERS_0_PASS: 'pw' };
  const { config, problems } = load('', env);
  expect(config?.authInternalUsers[0]).toMatchObject({
    user: 'me',
    pass: 'pw',
    permissions: [{ action: 'publish' }, {}, {}],
  });
  expect(config?.authInternalUsers).toHaveLength(2);
  expect(problems).toEqual([]);
  const own = good('perch: own', { ...env, PERCH_AUTHINTERNALUSERS_0_PERMISSIONS_0_ACTION: 'read' });
  expect(own.authInternalUsers).toEqual([
    { user: 'me', pass: 'pw', ips: [], permissions: [{ action: 'read', path: '' }] },
  ]);
});

test('a wrong variable is an error that names it, and one without effect a warning', () => {
  const { config, problems } = load('perch: own', { PERCH_READTIMEOUT: 'soon', MTX_SRTPADDRESS: ':1' });
  expect(config).toBeUndefined();
  expect(problems.map(problemText)).toEqual([
    'perch.yml: MTX_SRTPADDRESS: srtpAddress is not supported yet',
    "perch.yml: readTimeout: 'soon' is not a duration: write for example 10s, 1h30m or 200ms (from PERCH_READTIMEOUT)",
  ]);
});

test.for([
  'rtsp://h/x',
  'rtsps://me:pw@h/x',
  'rtsp+http://h:80/x',
  'rtsps+http://h/x',
  'rtsp+ws://h/x',
  'rtsps+ws://h/x',
  'rtsp://$G1:554/$G2?$MTX_QUERY',
])('%s is a source', (source) => {
  expect(good(`paths: {a: {source: "${source}", sourceOnDemand: yes}}`).paths.get('a')?.settings?.source).toBe(source);
});

test('a redirect that leads nowhere disables its path, which is told at the path itself', () => {
  const [line = ''] = linesOf('paths:\n  a:\n    source: redirect', 'error');
  expect(line).toBe(
    "perch.yml:2: paths.a.sourceRedirect: the source 'redirect' needs this key: where readers are sent",
  );
});

test('a pattern can be pulled on demand, and readers can be sent elsewhere', () => {
  const config = good(
    'paths: {"~^cam(.*)": {source: "rtsp://h/$G1", sourceOnDemand: yes}, a: {source: redirect, sourceRedirect: /b}, b: {fallback: "rtsp://h/x"}}',
  );
  expect(config.patterns[0]?.settings).toMatchObject({ sourceOnDemand: true, sourceOnDemandCloseAfterMs: 10_000 });
  expect(config.paths.get('a')?.settings).toMatchObject({ source: 'redirect', sourceRedirect: '/b' });
  expect(config.paths.get('b')?.settings?.fallback).toBe('rtsp://h/x');
});

test.for([
  ['no', 'no'],
  ['"no"', 'no'],
  ['false', 'no'],
  ['yes', 'strict'],
  ['"optional"', 'optional'],
  ['strict', 'strict'],
] as const)('rtspEncryption: %s means %s', ([written, value]) => {
  expect(good(`rtspEncryption: ${written}`).rtspEncryption).toBe(value);
});

test('a fingerprint may be written as browsers and openssl show it', () => {
  const shown = Array(32).fill('AB').join(':');
  const config = good(`paths: {a: {source: "rtsps://h/", sourceFingerprint: "${shown}"}}`);
  expect(config.paths.get('a')?.settings?.sourceFingerprint).toBe('ab'.repeat(32));
});

test('allowOrigin holds for every server that has no key of its own', () => {
  const { config, problems } = load(
    "allowOrigin: 'http://a'\nhlsAllowOrigins: ['http://b']\nwebrtcAllowOrigin: 'http://c'",
  );
  expect(config).toMatchObject({
    apiAllowOrigins: ['http://a'],
    playbackAllowOrigins: ['http://a'],
    hlsAllowOrigins: ['http://b'],
    webrtcAllowOrigins: ['http://c'],
  });
  expect(problems.map(problemText)).toContainEqual(
    expect.stringMatching(/^perch\.yml:1: allowOrigin: this key stands/),
  );
});

test('a URL may carry a user and a password that are not ASCII, which no answer shows', () => {
  const { config } = load('paths: {cam: {source: "rtsp://jürgen:пароль-密码@192.168.1.2/живой"}}');
  expect(config?.paths.get('cam')?.settings?.source).toBe('rtsp://jürgen:пароль-密码@192.168.1.2/живой');
});
