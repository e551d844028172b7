import { expect, test } from 'vitest';
import { defaults, good, linesOf, load } from '../../../test/support/harness/loaded-config.ts';
import { problemText } from '../yaml/problem.ts';

test("an empty file has MediaMTX's defaults", () => {
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

test("recordings are kept for a month in Perch's own setup, else for a day", () => {
  const DAY_MS = 86_400_000;
  expect(good('perch: own').pathDefaults.recordDeleteAfterMs).toBe(30 * DAY_MS);
  expect(good('perch: own\npathDefaults: {recordDeleteAfter: 2d}').pathDefaults.recordDeleteAfterMs).toBe(2 * DAY_MS);
  expect(good('perch: own\npaths: {a: {}}').paths.get('a')?.settings?.recordDeleteAfterMs).toBe(30 * DAY_MS);
  expect(good('paths: {a: {}}').paths.get('a')?.settings?.recordDeleteAfterMs).toBe(DAY_MS);
});

test("space is kept free in Perch's own setup, else if the file says so", () => {
  expect(good('perch: own').recordMinFree).toBe('10%');
  expect(good('perch: own\nrecordMinFree: 0').recordMinFree).toBe('0B');
  expect(good('hls: no').recordMinFree).toBe('0%');
  expect(good('recordMinFree: 20GB').recordMinFree).toBe('20G');
  const { pathDefaults, paths } = good('pathDefaults: {recordMaxSize: 50G}\npaths: {a: {}, b: {recordMaxSize: 0}}');
  expect(pathDefaults.recordMaxSizeBytes).toBe(50 * 2 ** 30);
  expect([...paths.values()].map(({ settings }) => settings?.recordMaxSizeBytes)).toEqual([50 * 2 ** 30, 0]);
});

test("a file of Perch's own opens API, playback and metrics, and permits nothing", () => {
  const opened = { api: true, playback: true, metrics: true, pprof: false };
  expect(good('perch: own')).toMatchObject({ isOwn: true, ...opened, authInternalUsers: [] });
});

test("without users MediaMTX's apply, and one warning explains that", () => {
  expect(good('hls: no').authInternalUsers.map((user) => user.permissions.map(({ action }) => action))).toEqual([
    ['publish', 'read', 'playback'],
    ['api', 'metrics', 'pprof'],
  ]);
  expect(linesOf('hls: no', 'warn')).toEqual([
    'perch.yml: authInternalUsers: anyone on this network can watch: set users with this key',
  ]);
});

test.for([
  ['perch: own', ['basic', 'digest']],
  ['', ['basic']],
  ['perch: own\nrtspAuthMethods: [basic]', ['basic']],
  ['perch: own\nauthInternalUsers: [{user: a, pass: b}]', ['basic']],
  ['perch: own\nauthMethod: jwt\nauthJWTJWKS: https://sso.example/jwks', ['basic']],
] as const)("'%s' lets RTSP clients log in with %s", ([text, methods]) => {
  expect(good(text)).toMatchObject({ rtspAuthMethods: methods });
});

test.for([
  ['perch: own', ':8443'],
  ['perch: own\naddress: :80', ':8443'],
  ['perch: own\naddress: 192.168.1.5:8080', '192.168.1.5:8443'],
  ['perch: own\naddress: "[fd00::5]:8080"', '[fd00::5]:8443'],
  ['', ''],
  ['perch: own\ntlsAddress: ""', ''],
  ['perch: own\ntlsAddress: :443', ':443'],
  ['perch: own\naddress: 127.0.0.1:8080', ''],
  ['perch: own\naddress: "[::1]:8080"', ''],
  ['perch: own\naddress: :8443', ''],
  ['perch: own\nhlsAddress: :8443', ''],
] as const)("'%s' has https at '%s'", ([text, tlsAddress]) => {
  expect(good(text)).toMatchObject({ tlsAddress });
});

test("Digest alone, which does not work for the owner, is a warning only in Perch's own setup", () => {
  const digest = 'rtspAuthMethods: [digest]';
  expect(linesOf(`perch: own\n${digest}`, 'warn')).toEqual([
    'perch.yml:2: rtspAuthMethods: page passwords do not work with digest, because only their hashes are known: add basic, or use device passwords',
  ]);
  const others = ['perch: own\nrtspAuthMethods: [basic, digest]', `perch: own\nrtsp: no\n${digest}`];
  for (const text of [...others, `authInternalUsers: []\n${digest}`]) {
    expect(linesOf(text, 'warn')).toEqual([]);
  }
});

test('every HLS variant is accepted, and low latency with too short a playlist gets a longer one', () => {
  const written = (variant: string, count: number) => `perch: own\nhlsVariant: ${variant}\nhlsSegmentCount: ${count}`;
  const texts = [written('lowLatency', 7), written('mpegts', 3), written('fmp4', 3)];
  expect(texts.map((text) => good(text).hlsVariant)).toEqual(['lowLatency', 'mpegts', 'fmp4']);
  expect(texts.flatMap((text) => linesOf(text, 'warn'))).toEqual([]);
  expect(linesOf(written('lowLatency', 3), 'warn')).toEqual([
    "perch.yml:3: hlsSegmentCount: '3' is too few for hlsVariant lowLatency: a playlist has 7",
  ]);
});

test("parts, folder, certificate and secret of HLS have MediaMTX's defaults", () => {
  expect(good('')).toMatchObject({
    ...{ hlsPartDurationMs: 200, hlsDirectory: '', hlsCDNSecret: '' },
    ...{ hlsEncryption: false, hlsServerKey: 'server.key', hlsServerCert: 'server.crt' },
  });
  const text = 'hlsEncryption: yes\nhlsPartDuration: 0.5s\nhlsDirectory: /dev/shm/hls\nhlsCDNSecret: Se-cr!t<1>';
  expect(good(text)).toMatchObject({
    ...{ hlsPartDurationMs: 500, hlsDirectory: '/dev/shm/hls', hlsCDNSecret: 'Se-cr!t<1>', hlsEncryption: true },
  });
});

test('yes, on and the like are booleans, and a password keeps its leading zero', () => {
  const config = good('api: yes\nplayback: On\nhls: NO\nwebrtc: off\nauthInternalUsers: [{user: 007, pass: 0123}]');
  expect(config).toMatchObject({ api: true, playback: true, hls: false, webrtc: false });
  expect(config.authInternalUsers[0]).toEqual({ user: '007', pass: '0123', ips: [], permissions: [] });
});

test('an empty value keeps the default, an empty path has those of pathDefaults', () => {
  const config = good('logLevel:\npathDefaults: {record: yes}\npaths: {cam: }');
  expect(config.logLevel).toBe('info');
  expect(config.paths.get('cam')?.settings?.record).toBe('always');
});

test('anchors and merge keys are resolved, own keys first', () => {
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

test('both recording formats are accepted', () => {
  const text = 'perch: own\npaths: {a: {record: yes, recordFormat: mpegts}, b: {record: yes}}';
  const formats = [...good(text).paths.values()].map(({ settings }) => settings?.recordFormat);
  expect(formats).toEqual(['mpegts', 'fmp4']);
  expect(linesOf(text, 'warn')).toEqual([]);
});

test('one transport for WebRTC media is enough, and TCP is on by default', () => {
  expect(good('hls: no')).toMatchObject({ webrtcLocalUDPAddress: ':8189', webrtcLocalTCPAddress: ':8189' });
  expect(good('webrtcLocalUDPAddress: ""').webrtcLocalTCPAddress).toBe(':8189');
  expect(good('webrtcLocalTCPAddress: ""').webrtcLocalTCPAddress).toBe('');
  const browsersOnly = 'webrtcICEServers2: [{url: "turn:h:1", clientOnly: yes}]';
  expect(good(`webrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: ""\n${browsersOnly}`).webrtcICEServers2).toHaveLength(
    1,
  );
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

test('allowOrigin applies to every server without its own key', () => {
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
