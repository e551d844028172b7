import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { type Config, parseConfig } from '../load/load.ts';
import { globalJson, pathDefaultsJson, pathJson, pathListJson } from './json.ts';

function load(text: string): Config {
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS });
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

test('the global answer has the keys of the file, quantities as texts, and no password', () => {
  const json = globalJson(
    load(
      'authInternalUsers: [{user: me, pass: pw, ips: [10.0.0.1]}]\nwebrtcICEServers2: [{url: "turn:h:1", password: pw}]\nhlsCDNSecret: pw',
    ),
  );
  expect(json).toMatchObject({ readTimeout: '10s', hlsMuxerCloseAfter: '1m0s', hlsSegmentMaxSize: '50M', hls: true });
  expect(json['authInternalUsers']).toEqual([
    { user: 'me', pass: '<redacted>', ips: ['10.0.0.1/32'], permissions: [] },
  ]);
  expect(json['webrtcICEServers2']).toEqual([
    { url: 'turn:h:1', username: '', password: '<redacted>', clientOnly: false },
  ]);
  expect(json).toMatchObject({ hlsCDNSecret: '<redacted>', hlsPartDuration: '200ms', hlsDirectory: '' });
  expect(Object.keys(json)).not.toContain('paths');
  expect(Object.keys(json)).not.toContain('isOwn');
});

test('a path answer is complete, with its name first and without credentials', () => {
  const config = load(
    'paths: {cam: {source: "rtsp://me:pw@h/x", forward: [{dest: "rtsp://pia:pw@h/$MTX_PATH", whipBearerToken: t0k3n}], recordDeleteAfter: 0s, camera: {user: me, password: pw}}}',
  );
  const ofFeatures = KEYS.features.flatMap(({ pathSchema = {} }) => Object.keys(pathSchema));
  const general = (path: object) => Object.entries(path).filter(([key]) => !ofFeatures.includes(key));
  expect(pathListJson(config).map((path) => Object.fromEntries(general(path)))).toEqual([
    {
      name: 'cam',
      alwaysAvailable: false,
      alwaysAvailableFile: '',
      alwaysAvailableTracks: [],
      runOnInit: '',
      runOnInitRestart: false,
      runOnDemand: '',
      runOnDemandRestart: false,
      runOnDemandStartTimeout: '10s',
      runOnDemandCloseAfter: '10s',
      runOnUnDemand: '',
      runOnAvailable: '',
      runOnAvailableRestart: false,
      runOnUnavailable: '',
      runOnOnline: '',
      runOnOnlineRestart: false,
      runOnOffline: '',
      runOnRead: '',
      runOnReadRestart: false,
      runOnUnread: '',
      runOnRecordSegmentCreate: '',
      runOnRecordSegmentComplete: '',
      source: 'rtsp://h/x',
      ...{ sourceFingerprint: '', sourceOnDemand: false, sourceOnDemandStartTimeout: '10s' },
      ...{ sourceOnDemandCloseAfter: '10s', sourceRedirect: '', useAbsoluteTimestamp: false, overridePublisher: true },
      ...{
        rtspAnyPort: false,
        rtspDemuxMpegts: false,
        continueAfterLoss: false,
        rtspRangeType: '',
        rtspRangeStart: '',
        rtspScale: '',
      },
      ...{ rtspTransport: 'automatic', rtspUDPSourcePortRange: [32_768, 60_999], rtpSDP: '' },
      ...{ whepBearerToken: '', whepSTUNGatherTimeout: '5s', whepHandshakeTimeout: '10s' },
      whepTrackGatherTimeout: '2s',
      ...{ webrtc: true, audio: true, srtReadPassphrase: '', srtPublishPassphrase: '' },
      forward: [{ dest: 'rtsp://h/$MTX_PATH', destFingerprint: '', whipBearerToken: '<redacted>' }],
      maxReaders: 0,
      ...{ record: false, recordPreRoll: '5s', recordPostRoll: '10s' },
      recordPath: '/d/%path/%s%f',
      recordFormat: 'fmp4',
      recordPartDuration: '1s',
      recordMaxPartSize: '50M',
      recordSegmentDuration: '1h0m0s',
      recordDeleteAfter: '',
      recordMaxSize: '0B',
      camera: { user: 'me', password: '<redacted>' },
    },
  ]);
  expect(pathDefaultsJson(config)).toMatchObject({ source: 'publisher', recordDeleteAfter: '1d' });
});

test('a switch with a third value is true, false or that value', () => {
  const config = load('paths: {a: {record: yes}, b: {record: always}, c: {record: motion}, d: {record: off}}');
  expect(pathListJson(config).map((path) => path['record'])).toEqual([true, true, 'motion', false]);
});

test('paths are sorted by name, and a disabled one has its error', () => {
  const config = load('paths: {b: {record: perhaps}, a: }');
  expect(pathListJson(config).map(({ name }) => name)).toEqual(['a', 'b']);
  const entry = config.paths.get('b');
  expect(entry && pathJson(entry, KEYS)).toEqual({
    ...{ name: 'b', error: "record: 'perhaps' is not one of no, always, motion" },
  });
});

test('redirect targets are shown without credentials', () => {
  const config = load('paths: {a: {source: redirect, sourceRedirect: "rtsp://me:pw@h/x"}}');
  expect(pathListJson(config)[0]).toMatchObject({ sourceRedirect: 'rtsp://h/x' });
});
