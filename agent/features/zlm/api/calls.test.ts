import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { sessionTables } from '../../../../test/support/harness/http/session-tables.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import { PerchError } from '../../../base/errors.ts';
import { Parameters } from '../../../servers/webrtc/signalling/zlm/parameters.ts';
import { type PictureRequest, ZlmCalls } from './calls.ts';
import type { ShownPath } from './media-items.ts';
import { ZlmSessions } from './viewers.ts';

const CONFIG = configOf('  all_others:');
const CAM: ShownPath = {
  name: 'cam',
  ready: true,
  readyTime: '2026-01-01T00:00:00.000Z',
  source: { type: 'rtspSource', id: '' },
  readers: [{ type: 'webRTCSession', id: 'viewer' }],
  inboundBytes: 4_000,
  bitrate: 8_000,
  tracks2: [
    { codec: 'H265', codecProps: { width: 1_920, height: 1_080 } },
    { codec: 'G711', codecProps: { muLaw: true, sampleRate: 8_000, channelCount: 1 } },
    { codec: 'FLAC', codecProps: { sampleRate: 48_000, channelCount: 2 } },
  ],
  recording: { active: true },
  lastError: null,
};

const FORWARD = { state: 'forwarding', lastError: null, outboundBytes: 0, reconnects: 0 } as const;
const destination = (dest: string) => ({ dest, destFingerprint: '', whipBearerToken: '' });

/** Calls over paths that tests change. */
function box(first: readonly ShownPath[] = [CAM]) {
  const clock = new FakeClock();
  const paths = new Map(first.map((path) => [path.name, path]));
  const pulled = new Map([['cam', 'rtsp://camera/1']]);
  const edited: string[] = [];
  const forwards = new Map<string, readonly string[]>();
  const requests: PictureRequest[] = [];
  const none = { list: () => [], kick: () => false };
  const viewers = { list: () => [{ id: 'viewer', created: '', remoteAddr: '[2001:db8::1]:4000' }], kick: () => true };
  const calls = new ZlmCalls({
    paths: { list: () => [...paths.values()], find: (name) => paths.get(name) },
    pathOf: (app, stream) => (app === 'live' && !paths.has(`live/${stream}`) ? stream : `${app}/${stream}`),
    sessions: sessionTables({ rtspsessions: none, webrtcsessions: viewers, hlssessions: none }),
    config: () => CONFIG,
    schemas: () => ['rtsp', 'hls.fmp4'],
    edits: {
      addPath: async (name, settings) => {
        edited.push(`add ${name} ${JSON.stringify(settings)}`);
        pulled.set(name, 'rtsp://new/1');
      },
      patchPath: async (name, settings) => {
        edited.push(`patch ${name} ${JSON.stringify(settings)}`);
        const { forward = [] } = settings as { forward?: { dest: string }[] };
        forwards.set(
          name,
          forward.map(({ dest }) => dest),
        );
      },
      patchGlobal: async (settings) => void edited.push(`patch ${JSON.stringify(settings)}`),
      deletePath: async (name) => {
        edited.push(`delete ${name}`);
        pulled.delete(name);
      },
    },
    pulled: () => [...pulled].map(([name, url]) => ({ name, url })),
    urlOf: (path) => pulled.get(path),
    picture: async (_path, request) => {
      requests.push(request);
      return new Uint8Array([0xff, 0xd8]);
    },
    statistics: async () => ({}),
    destinations: () => new Map([...forwards].map(([name, dests]) => [name, dests.map(destination)])),
    forwardsOf: (path) => forwards.get(path)?.map((dest) => ({ ...FORWARD, conf: { dest } })),
    secret: () => 'secret',
    version: '1',
    clock,
  });
  const call = async (name: string, fields: Readonly<Record<string, string>> = {}) =>
    calls.find(name.toLowerCase())?.(parametersOf(`/?${new URLSearchParams(fields)}`));
  return { call, calls, clock, paths, edited, requests };
}

const parametersOf = (url: string, body = '', type = ''): Parameters =>
  new Parameters({ url, body, headers: { 'content-type': type } } as unknown as FastifyRequest);

const CAM_OF_LIVE = { schema: 'rtsp', vhost: '__defaultVhost__', app: 'live', stream: 'cam' };

test('a path without a slash is a stream of the app live, once for each schema', async () => {
  const { call } = box();
  const { data } = (await call('getMediaList')) as { data: Record<string, unknown>[] };
  expect(data).toHaveLength(2);
  expect(data[0]).toEqual({
    ...CAM_OF_LIVE,
    ...{ params: '', createStamp: 1_767_225_600, aliveSecond: 0, bytesSpeed: 1_000, totalBytes: 4_000 },
    ...{ readerCount: 1, totalReaderCount: 1, originType: 4, originTypeStr: 'pull', originUrl: 'rtsp://camera/1' },
    ...{ isRecordingMP4: true, isRecordingHLS: false, originSock: null },
    tracks: [
      { codec_id: 1, codec_id_name: 'H265', codec_type: 0, ready: true, width: 1_920, height: 1_080 },
      {
        ...{ codec_id: 4, codec_id_name: 'PCMU', codec_type: 1, ready: true },
        ...{ sample_rate: 8_000, channels: 1, sample_bit: 16 },
      },
      {
        ...{ codec_id: -1, codec_id_name: 'FLAC', codec_type: 1, ready: true },
        ...{ sample_rate: 48_000, channels: 2, sample_bit: 16 },
      },
    ],
  });
});

test('of two paths with equal names, the list has the one that the name resolves to', async () => {
  const { call, paths } = box();
  paths.set('live/cam', { ...CAM, name: 'live/cam', inboundBytes: 1 });
  const { data } = (await call('getMediaList', { schema: 'rtsp' })) as { data: { totalBytes: number }[] };
  expect(data.map(({ totalBytes }) => totalBytes)).toEqual([1]);
});

test.for([
  [{ schema: 'rtmp' }, 0],
  [{ app: 'other' }, 0],
  [{ stream: 'cam', schema: 'rtsp' }, 1],
  [{ vhost: 'other' }, 0],
] as const)('the filter %j leaves %i items, and no data if empty', async ([filter, count]) => {
  const { call } = box();
  const answer = await call('getMediaList', filter);
  expect(answer).toEqual(count === 0 ? {} : { data: [expect.objectContaining({ schema: 'rtsp' })] });
});

test('a viewer is listed with address and port', async () => {
  const { call } = box();
  expect(await call('getMediaPlayerList', CAM_OF_LIVE)).toEqual({
    data: [
      {
        ...{ typeid: 'WebRtcSession', peer_ip: '2001:db8::1', peer_port: 4_000 },
        ...{ local_ip: '', local_port: 8_189, identifier: 'viewer' },
      },
    ],
  });
  expect(await call('getAllSession', { peer_ip: '192.0.2.1' })).toEqual({ data: [] });
  expect(await call('kick_sessions', { local_port: '8189' })).toEqual({ count_hit: 1 });
});

test('a configured camera is not closed, an added one is removed', async () => {
  const { call, paths, edited } = box();
  expect(await call('close_streams', { force: '1' })).toEqual({ count_hit: 1, count_closed: 0 });
  paths.set('yard/gate', { ...CAM, name: 'yard/gate', ready: false });
  const added = call('addStreamProxy', { ...CAM_OF_LIVE, app: 'yard', stream: 'gate', url: 'rtsp://new/1' });
  paths.set('yard/gate', { ...CAM, name: 'yard/gate' });
  await added;
  expect(await call('close_stream', { ...CAM_OF_LIVE, app: 'yard', stream: 'gate', force: '1' })).toEqual({
    result: 0,
    msg: 'success',
  });
  expect(edited).toEqual(['add yard/gate {"source":"rtsp://new/1","rtspTransport":"tcp"}', 'delete yard/gate']);
});

test('kicking many sessions lists them once', () => {
  let looks = 0;
  const crowd = Array.from({ length: 4_000 }, (_, id) => ({
    id: String(id),
    created: '',
    remoteAddr: '192.0.2.1:4000',
  }));
  const gone = new Set<string>();
  const table = {
    list: () => {
      looks += 1;
      return crowd;
    },
    kick: (id: string) => gone.add(id).size > 0,
  };
  const sessions = new ZlmSessions(sessionTables({ hlssessions: table }), () => CONFIG);
  expect(sessions.kickAll({ peerIp: '192.0.2.1' })).toBe(4_000);
  expect([looks, gone.size]).toEqual([1, 4_000]);
});

test('a proxy needs a valid address and stream name', async () => {
  const { call, edited } = box();
  const add = (more: object) => call('addStreamProxy', { ...CAM_OF_LIVE, app: 'yard', url: 'rtsp://new/1', ...more });
  await expect(add({ url: 'publisher' })).rejects.toThrow('url is not the address of a stream');
  await expect(add({ app: '~^' })).rejects.toThrow('invalid path name');
  await expect(add({ stream: 'x'.repeat(240) })).rejects.toThrow('longer than 240 characters');
  expect(edited).toEqual([]);
});

test('a camera that does not connect is removed again with the reason', async () => {
  const { call, paths, edited, clock } = box();
  paths.set('yard/gate', { ...CAM, name: 'yard/gate', ready: false, lastError: 'connection refused' });
  const url = { url: 'rtsp://new/1', timeout_sec: '5', rtp_type: '1', enable_mp4: '1' };
  const added = call('addStreamProxy', { ...CAM_OF_LIVE, app: 'yard', stream: 'gate', ...url });
  const failed = expect(added).rejects.toThrow('connection refused');
  for (let tick = 0; tick <= 50; tick += 1) {
    await clock.advance(100);
  }
  await failed;
  expect(edited).toEqual([
    'add yard/gate {"source":"rtsp://new/1","rtspTransport":"udp","record":true}',
    'delete yard/gate',
  ]);
});

const FFMPEG = { src_url: 'rtsp://new/1', dst_url: 'rtmp://127.0.0.1:1935/yard/gate?sign=7', timeout_ms: '5000' };

test('an FFmpeg source is pulled without ffmpeg, as the path of its destination', async () => {
  const { call, paths, edited } = box();
  const added = call('addFFmpegSource', { ...FFMPEG, enable_mp4: '1', ffmpeg_cmd_key: 'ffmpeg.cmd' });
  paths.set('yard/gate', { ...CAM, name: 'yard/gate' });
  const { data } = (await added) as { data: { key: string } };
  expect(data.key).toMatch(/^[\da-f]{32}$/);
  expect(await call('listFFmpegSource')).toEqual({
    data: [
      {
        ...{ key: data.key, src_url: 'rtsp://new/1', dst_url: 'rtmp://127.0.0.1:1935/yard/gate' },
        ...{ cmd: '', ffmpeg_cmd_key: 'ffmpeg.cmd' },
      },
    ],
  });
  expect(await call('delFFmpegSource', data)).toEqual({ data: { flag: true } });
  expect(await call('delFFmpegSource', data)).toEqual({ data: { flag: false } });
  expect(await call('listFFmpegSource')).toEqual({ data: [] });
  expect(edited).toEqual([
    'add yard/gate {"source":"rtsp://new/1","rtspTransport":"tcp","record":true}',
    'delete yard/gate',
  ]);
});

test.for([
  [{ ffmpeg_cmd_key: 'ffmpeg.small' }, 'changes nothing in it'],
  [{ dst_url: 'rtmp://other.example/live/cam' }, 'not a stream of this server'],
  [{ dst_url: '/tmp/out.mp4' }, 'not a stream of this server'],
  [{ src_url: '/dev/video0' }, 'url is not the address of a stream'],
  [{ timeout_ms: 'soon' }, "timeout_ms 'soon' is not a number of milliseconds"],
] as const)('an FFmpeg source with %j is rejected', async ([more, message]) => {
  const { call, edited } = box();
  await expect(call('addFFmpegSource', { ...FFMPEG, ...more })).rejects.toThrow(message);
  expect(edited).toEqual([]);
});

test('the transport is that of RTSP, other sources have none', async () => {
  const { call, paths, edited } = box();
  const added = call('addStreamProxy', { ...CAM_OF_LIVE, app: 'yard', stream: 'gate', url: 'rtmp://new/a/b' });
  paths.set('yard/gate', { ...CAM, name: 'yard/gate' });
  await added;
  expect(edited).toEqual(['add yard/gate {"source":"rtmp://new/a/b"}']);
  expect(await call('getProxyInfo', { key: '__defaultVhost__/yard/gate' })).toMatchObject({ data: { status: 0 } });
  await expect(call('getProxyInfo', { key: '__defaultVhost__/yard/none' })).rejects.toThrow('can not find the proxy');
});

test('a snapshot is of the path in the address, for any host', async () => {
  const { call } = box();
  const fields = { timeout_sec: '5', expire_sec: '1' };
  await expect(call('getSnap', { url: 'rtsp://h/live/cam', timeout_sec: 'soon', expire_sec: '1' })).rejects.toThrow(
    "timeout_sec 'soon' is not a number of seconds",
  );
  const snap = (url: string) => call('getSnap', { url, ...fields });
  expect(await snap('rtsp://metadata.internal/live/cam?x=1')).toEqual({ picture: new Uint8Array([0xff, 0xd8]) });
  for (const url of ['http://192.168.1.1/admin', 'file:///etc/passwd', 'x', 'rtsp://h/cam/../other']) {
    await expect(snap(url)).rejects.toThrow('can not find the stream');
  }
});

test('a snapshot is current, whatever age is allowed: older ones are recordings', async () => {
  const { call, requests } = box();
  const url = 'rtsp://h/live/cam';
  await call('getSnap', { url, timeout_sec: '5', expire_sec: '7' });
  await call('getSnap', { url, timeout_sec: '500', expire_sec: '86400' });
  expect(requests).toEqual([
    { timeoutMs: 5_000, maxAgeMs: 7_000 },
    { timeoutMs: 30_000, maxAgeMs: 60_000 },
  ]);
});

test('a caller without the secret gets pictures only of permitted paths', async () => {
  const { calls } = box();
  const snap = (path: string) =>
    calls.find('getsnap')?.(
      parametersOf(`/?${new URLSearchParams({ url: `rtsp://h/${path}`, timeout_sec: '5', expire_sec: '1' })}`),
      async (wanted) => {
        throw new PerchError('unauthorized', `may not watch ${wanted}`);
      },
    );
  await expect(snap('live/cam')).rejects.toThrow('may not watch cam');
});

test('each call answers or rejects any query, form or JSON', async () => {
  const next = random(33);
  const { calls, clock } = box();
  const bytes = (text: string): string => new TextDecoder('latin1').decode(mutate(Buffer.from(text), next));
  const fields = {
    ...CAM_OF_LIVE,
    type: '1',
    key: '__defaultVhost__/live/cam',
    url: 'rtsp://h/live/cam',
    src_url: 'rtsp://h/live/cam',
    dst_url: 'rtmp://127.0.0.1/live/other',
    timeout_ms: '100',
    'hook.retry': '3',
    id: 'viewer',
  };
  const more = { timeout_sec: '1', expire_sec: '1', rtp_type: '0', force: '1', secret: 'x', local_port: '1' };
  const { data = [] } = ((await calls.find('getapilist')?.(parametersOf('/'))) ?? {}) as { data?: string[] };
  const names = data.flatMap((name) => calls.find(name.replace('/index/api/', '').toLowerCase()) ?? []);
  expect(names.length).toBeGreaterThan(15);
  for (let round = 0; round < 3_000; round += 1) {
    const query = bytes(new URLSearchParams({ ...fields, ...more }).toString());
    const json = bytes(JSON.stringify({ ...fields, ...more }));
    const kind = Math.floor(next() * 3);
    const parameters =
      [
        () => parametersOf(`/?${query}`),
        () => parametersOf('/', query, 'application/x-www-form-urlencoded'),
        () => parametersOf('/', json, 'application/json'),
      ][kind]?.() ?? parametersOf('/');
    const call = names[Math.floor(next() * names.length)];
    const done = (async () => call?.(parameters))().then(
      () => undefined,
      (error: unknown) => error,
    );
    await clock.advance(31_000);
    const error = await done;
    expect(error === undefined || error instanceof PerchError, `${String(error)} for ${query} ${json}`).toBe(true);
  }
});
