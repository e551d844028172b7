import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { good, KEYS, linesOf, load } from '../../../test/support/harness/loaded-config.ts';
import { problemText } from '../yaml/problem.ts';
import { formerNames } from './deprecated.ts';

const { global, path } = KEYS;

test("a file with every key of MediaMTX's vocabulary loads without an error", () => {
  const text = readFileSync(`${import.meta.dirname}/fixtures/all-keys.yml`, 'utf8');
  const config = good(text);
  expect(config.paths.get('garage')?.settings?.source).toBe('rtsp://viewer:secret@192.168.1.20:554/stream1');
  expect(linesOf(text, 'warn').map((line) => line.replace(/^perch.yml:\d+: /, ''))).toEqual([
    'moq: the Media-over-QUIC server is not supported: Node has no QUIC, and no kept library in plain JavaScript does it; use WebRTC or low-latency HLS',
  ]);
  for (const line of linesOf(text, 'note')) {
    expect(line).toMatch(/^perch\.yml:\d+: \S+: (has no effect in Perch, and this value needs none|'lowLatency' is)/);
  }
});

test('the file of all keys has every key', () => {
  const text = readFileSync(`${import.meta.dirname}/fixtures/all-keys.yml`, 'utf8');
  const former = /^(rpiCamera(Profile|Level|Hardware|Software|JPEG)|.*Disable$|.*AllowOrigin$|moqHTTPS)/;
  const others =
    /^(address|trustedProxies|tls[A-Z]\w+|recordSyncInterval|recordMinFree|recordNeedsDisk|recordMaxSize|recordPreRoll|recordPostRoll|motion\w*|viewsDeleteAfter|mdns|boxName|server|audio|camera|modes|rules|timetable|timetableZone|authJWTInHTTPQuery|fallback|playback)$/;
  const ofFeatures = KEYS.features.flatMap(({ schema, pathSchema = {} }) => Object.keys({ ...schema, ...pathSchema }));
  const names = [...global.names, ...path.names, ...global.inertNames, ...path.inertNames];
  const missing = names.filter(
    (name) => !former.test(name) && !others.test(name) && !ofFeatures.includes(name) && !text.includes(`${name}:`),
  );
  expect(missing).toEqual([]);
});

test('each unsupported key gives the reason and a way out', () => {
  for (const { feature, reason } of [...global.inert, ...path.inert]) {
    expect(`${feature}: ${reason}`).toMatch(/^\S.{8,}: \S.{20,}$/);
    expect(reason).toMatch(/[;,] /);
  }
});

test('no key is both supported and unsupported', () => {
  expect(global.inertNames.filter((name) => global.names.has(name))).toEqual([]);
  expect(path.inertNames.filter((name) => path.names.has(name))).toEqual([]);
  expect(formerNames(KEYS).filter((name) => global.names.has(name))).toEqual([]);
  expect(Object.keys(path.renamed).filter((name) => path.names.has(name))).toEqual([]);
});

test('a misspelt key is an error with the likely name, and disables nothing else; one of another version is a warning', () => {
  expect(linesOf('perch: own\nhlsAdress: :1\nfoo: 1', 'error')).toEqual([
    'perch.yml:2: hlsAdress: unknown key, did you mean hlsAddress?',
  ]);
  expect(linesOf('perch: own\nhlsAdress: :1\nfoo: 1', 'warn')).toEqual(['perch.yml:3: foo: unknown key']);
  expect(linesOf('perch: own\npaths:\n  a:\n    sources: x', 'error')).toEqual([
    'perch.yml:4: paths.a.sources: unknown key, did you mean source?',
  ]);
  const text = 'perch: own\npaths:\n  a:\n    recrod: perhaps\n    rpe: 1';
  expect(linesOf(text, 'error')).toEqual(['perch.yml:4: paths.a.recrod: unknown key, did you mean record?']);
  expect(linesOf(text, 'warn')).toEqual(['perch.yml:5: paths.a.rpe: unknown key']);
  expect(load(text).config?.paths.get('a')?.settings?.record).toBe('no');
});

test('after 50 unknown keys no likely name is searched: that takes time', () => {
  const foreign = Array.from({ length: 50 }, (_, i) => `zzqq${i}vvkk: 1`).join('\n');
  expect(linesOf(`perch: own\n${foreign}\nhlsAdress: :1`, 'warn').at(-1)).toBe('perch.yml:52: hlsAdress: unknown key');
});

test('a file whose key perch is misspelt is rejected as a whole: without that key anyone may watch', () => {
  const { config, problems } = load('perhc: own\n');
  expect(config).toBeUndefined();
  expect(problems.map(problemText)).toContain(
    'perch.yml:1: perhc: unknown key, did you mean perch? Without it anyone may watch',
  );
});

test('a key in the wrong part of the file is an error with the right part', () => {
  const text = 'perch: own\nrecordMaxSize: 1G\npathDefaults:\n  recordMinFree: 1G\npaths:\n  a:\n    recordMinFree: 1G';
  expect(linesOf(text, 'error')).toEqual([
    'perch.yml:2: recordMaxSize: unknown key here, it belongs into a path or into pathDefaults',
    'perch.yml:4: pathDefaults.recordMinFree: unknown key here, it belongs to the top level of the file',
    'perch.yml:7: paths.a.recordMinFree: unknown key here, it belongs to the top level of the file',
  ]);
});

test('an unsupported key is a warning if it would have an effect, and a note at its default', () => {
  const text =
    'perch: own\nmoqQUICAddress: :554\nmoqServerKey: auto.key\npathDefaults:\n  rpiCameraWidth: 640\n  playback: yes';
  expect(linesOf(text, 'warn')).toEqual([
    'perch.yml:2: moqQUICAddress: the Media-over-QUIC server is not supported: Node has no QUIC, and no kept library in plain JavaScript does it; use WebRTC or low-latency HLS',
    expect.stringContaining(
      'perch.yml:5: pathDefaults.rpiCameraWidth: the Raspberry Pi camera is not supported: its driver',
    ),
  ]);
  expect(linesOf(text, 'note')).toEqual([
    'perch.yml:6: pathDefaults.playback: has no effect in Perch, and this value needs none',
  ]);
});

test('keys that are off or at their default are not reported as unsupported', () => {
  const text = "perch: own\nmoqServerKey: auto.key\nmoq: no\nrunOnConnect: ''\nauthHTTPExclude: []";
  expect(linesOf(text, 'warn')).toEqual([]);
  expect(linesOf(text, 'note').map((line) => line.replace(/^.*?: (\w+)/, '$1'))).toEqual([
    'moqServerKey: has no effect in Perch, and this value needs none, with it moq (line 3)',
  ]);
});

test('former names are accepted with a warning', () => {
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
  expect(linesOf(text, 'warn')).toContain(
    'perch.yml:16: rtspDisable: this key is called rtsp now, with the opposite value',
  );
  expect(linesOf(text, 'warn')).toContain(
    'perch.yml:17: paths.a.disablePublisherOverride: this key is called overridePublisher now, with the opposite value',
  );
});
