import { expect, test } from 'vitest';
import { good, load } from '../../../test/support/harness/loaded-config.ts';
import { problemText } from '../yaml/problem.ts';

test("variables override the file, and Perch's override MediaMTX's", () => {
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

test('variables change single keys of lists, also of default ones', () => {
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
  const { config, problems } = load('perch: own', { PERCH_READTIMEOUT: 'soon', MTX_MOQQUICADDRESS: ':1' });
  expect(config).toBeUndefined();
  expect(problems.map(problemText)).toEqual([
    expect.stringContaining('perch.yml: MTX_MOQQUICADDRESS: the Media-over-QUIC server is not supported: Node'),
    "perch.yml: readTimeout: 'soon' is not a duration: write for example 200ms, 10s, 1h30m or 7d (from PERCH_READTIMEOUT)",
  ]);
});
