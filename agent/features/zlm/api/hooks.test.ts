import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { random } from '../../../../test/support/base/random.ts';
import { sessionTables } from '../../../../test/support/harness/http/session-tables.ts';
import { PerchError } from '../../../base/errors.ts';
import { HookAuth } from './hook-auth.ts';
import { type HookSettings, Hooks, type Post, parseAnswer, recordBody, recordHookOf } from './hooks.ts';

const OFF: HookSettings['urls'] = {
  on_play: '',
  on_publish: '',
  on_stream_not_found: '',
  on_stream_none_reader: '',
  on_stream_changed: '',
  on_flow_report: '',
  on_record_mp4: '',
  on_record_ts: '',
  on_server_started: '',
  on_server_keepalive: '',
};
const OK = { status: 200, text: '{"code":0,"msg":"success"}' };

interface Posted {
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Hooks whose server returns `reply()`; an error stands for no answer. */
function hooksWith(reply: () => { status: number; text: string } | PerchError | Promise<typeof OK>, retries = 1) {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const posted: Posted[] = [];
  const post: Post = async (url, body, headers) => {
    posted.push({ url, body: JSON.parse(body), headers });
    const answer = await reply();
    if (answer instanceof PerchError) {
      throw answer;
    }
    return answer;
  };
  const urls = { ...OFF, on_play: 'http://h/play', on_publish: 'http://h/push', on_stream_changed: 'http://h/changed' };
  const settings = () => ({ urls, mediaServerId: 'box', timeoutMs: 10_000, retries, retryDelayMs: 3_000 });
  const signal = new AbortController().signal;
  return { clock, posted, logged, urls, hooks: new Hooks({ settings, post, clock, log, signal }) };
}

const away = () =>
  new PerchError('unavailable', 'the request failed', {}, new Error('connect ECONNREFUSED 192.168.7.2:9000'));

test('a hook that is off permits without a request', async () => {
  const { hooks, posted } = hooksWith(away);
  expect(await hooks.ask('on_stream_not_found', {})).toEqual({ code: 0, msg: '', close: false });
  hooks.tell('on_server_started', {});
  expect(posted).toEqual([]);
});

test("each call has its index, the server's id and the virtual host", async () => {
  const { hooks, posted } = hooksWith(() => OK);
  await hooks.ask('on_play', { vhost: '__defaultVhost__', app: 'live' });
  await hooks.ask('on_play', {});
  expect(posted).toEqual([
    {
      url: 'http://h/play',
      body: { mediaServerId: 'box', hook_index: 1, vhost: '__defaultVhost__', app: 'live' },
      headers: { 'X-VHOST': '__defaultVhost__' },
    },
    { url: 'http://h/play', body: { mediaServerId: 'box', hook_index: 2 }, headers: {} },
  ]);
});

test('a failed hook is retried after the pause, and then rejects without revealing its address', async () => {
  const { hooks, posted, clock } = hooksWith(away, 2);
  const asked = hooks.ask('on_play', {});
  await clock.advance(2_999);
  expect(posted).toHaveLength(1);
  await clock.advance(1);
  expect(posted).toHaveLength(2);
  await clock.advance(3_000);
  expect(await asked).toEqual({ code: -1, msg: 'on_play: the request failed', close: false });
  expect(posted).toHaveLength(3);
});

test('notifications of a hook that is switched off meanwhile are dropped', async () => {
  const { hooks, posted, clock, urls } = hooksWith(away);
  hooks.tell('on_stream_changed', { i: 1 });
  hooks.tell('on_stream_changed', { i: 2 });
  expect(posted).toHaveLength(1);
  urls.on_stream_changed = '';
  await clock.advance(10_000);
  expect(posted).toHaveLength(1);
});

test('a rejection is an answer and not retried', async () => {
  const { hooks, posted } = hooksWith(() => ({ status: 200, text: '{"code":3,"msg":"no\\r\\nticket"}' }));
  expect(await hooks.ask('on_play', {})).toEqual({ code: 3, msg: 'no ticket', close: false });
  expect(posted).toHaveLength(1);
});

test('64 calls wait for a silent hook, 32 per address; further ones are rejected at once', async () => {
  const { hooks, posted } = hooksWith(() => new Promise(() => {}));
  const ask = (ip: string) => hooks.ask('on_play', {}, ip);
  for (const ip of ['192.0.2.1', '192.0.2.2']) {
    for (let i = 0; i < 32; i += 1) {
      void ask(ip);
    }
    expect(await ask(ip)).toMatchObject({ code: -1 });
  }
  expect(posted).toHaveLength(64);
  expect(await ask('192.0.2.3')).toMatchObject({ code: -1 });
});

test('notifications are sent in sequence, and a limited number waits', async () => {
  let answer = (_: typeof OK): void => {};
  const { hooks, posted } = hooksWith(
    () =>
      new Promise<typeof OK>((resolve) => {
        answer = resolve;
      }),
  );
  for (let i = 0; i < 1_000; i += 1) {
    hooks.tell('on_stream_changed', { i });
  }
  for (let sent = 1; sent <= 501; sent += 1) {
    expect(posted.at(-1)?.body['i']).toBe(sent - 1);
    expect(posted).toHaveLength(sent);
    answer(OK);
    await new Promise(setImmediate);
  }
  expect(posted).toHaveLength(501);
});

test('an internal error in one notification is logged, and the following ones are sent', async () => {
  const { hooks, posted, logged } = hooksWith(() => {
    if (posted.length === 1) {
      throw new TypeError('a bug');
    }
    return OK;
  });
  hooks.tell('on_stream_changed', { regist: true });
  hooks.tell('on_stream_changed', { regist: false });
  await expect.poll(() => posted.map(({ body }) => body['regist'])).toEqual([true, false]);
  expect(logged).toMatchObject([
    ['error', 'web hook failed', { hook: 'on_stream_changed', err: { message: 'a bug' } }],
  ]);
});

test.for([
  ['another status', 204, ''],
  ['no JSON', 200, 'ok'],
  ['no object', 200, 'null'],
  ['no code', 200, '{}'],
  ['a code that is a text', 200, '{"code":"0"}'],
  ['a code that is no integer', 200, '{"code":0.5}'],
] as const)('%s is not an answer', ([, status, text]) => {
  expect(() => parseAnswer({ status, text })).toThrow(PerchError);
});

test('any text is an answer or a failure', () => {
  const next = random(11);
  for (let round = 0; round < 5_000; round += 1) {
    const text = [...'{"code":0,"msg":"x","close":true}'].map((c) =>
      next() < 0.05 ? String.fromCharCode(next() * 300) : c,
    );
    try {
      expect(Number.isInteger(parseAnswer({ status: 200, text: text.join('') }).code)).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

const asking = (more: object = {}) => ({
  ip: '192.0.2.1',
  request: { protocol: 'rtsp' as const, id: 'one', query: 'token=a', ...more },
});

test('the hook is called once per session of an accepted client', async () => {
  const { hooks, posted, clock } = hooksWith(() => OK);
  const auth = new HookAuth(hooks, sessionTables().kinds, clock);
  expect(await auth.objection('read', 'yard/gate', asking())).toBeUndefined();
  expect(await auth.objection('read', 'yard/gate', asking())).toBeUndefined();
  expect(posted).toHaveLength(1);
  expect(posted[0]?.body).toMatchObject({ schema: 'rtsp', app: 'yard', stream: 'gate', params: 'token=a', id: 'one' });
  await auth.objection('read', 'yard/other', asking());
  await auth.objection('read', 'yard/gate', asking({ id: 'two' }));
  await auth.objection('read', 'yard/gate', asking({ query: 'token=b' }));
  await auth.objection('publish', 'yard/gate', asking());
  expect(posted).toHaveLength(5);
  expect(posted[4]?.body).toMatchObject({ originType: 2, originTypeStr: 'rtsp_push' });
  await clock.advance(10_000);
  await auth.objection('read', 'yard/gate', asking());
  expect(posted).toHaveLength(6);
});

test('parameters that HLS players add do not make another client, another token does', async () => {
  const { hooks, posted, clock } = hooksWith(() => OK);
  const auth = new HookAuth(hooks, sessionTables().kinds, clock);
  const hls = (query: string, id: string) => asking({ protocol: 'hls', id, query });
  await auth.objection('read', 'cam', hls('token=a', '1'));
  await auth.objection('read', 'cam', hls('token=a&cookieCheck=1', '2'));
  expect(posted).toHaveLength(1);
  await auth.objection('read', 'cam', hls('token=b&cookieCheck=1', '3'));
  expect(posted.at(-1)?.body).toMatchObject({ schema: 'hls', app: 'live', stream: 'cam', params: 'token=b' });
});

test('a rejection is not cached, and requests that open no session or name no valid stream are not asked about', async () => {
  const { hooks, posted, clock } = hooksWith(() => ({ status: 200, text: '{"code":1,"msg":"later"}' }));
  const auth = new HookAuth(hooks, sessionTables().kinds, clock);
  expect(await auth.objection('read', 'cam', asking())).toBe('code: 1 msg: later');
  expect(await auth.objection('read', 'cam', asking())).toBe('code: 1 msg: later');
  expect(posted).toHaveLength(2);
  expect(await auth.objection('read', 'cam', asking({ protocol: 'webrtc', id: null }))).toBeUndefined();
  expect(await auth.objection('read', 'cam', { ip: '192.0.2.1' })).toBeUndefined();
  for (const name of ['../etc', 'a\r\nb', 'x'.repeat(241), '~^', '']) {
    expect(await auth.objection('publish', name, asking())).toBeUndefined();
  }
  expect(posted).toHaveLength(2);
});

const FILE = {
  path: 'yard/gate',
  file: '/data/recordings/yard/gate/2026-01-01_00-00-00-000007.mp4',
  startUs: 1_767_225_600_000_007,
  durationMs: 60_500,
  sizeBytes: 1_234,
};

test('a recording is reported with its file, times and download address', () => {
  expect(recordHookOf(FILE)).toBe('on_record_mp4');
  expect(recordBody(FILE)).toEqual({
    ...{ vhost: '__defaultVhost__', app: 'yard', stream: 'gate', params: '' },
    ...{ start_time: 1_767_225_600, time_len: 60.5, file_size: 1_234, file_path: FILE.file },
    ...{ file_name: '2026-01-01_00-00-00-000007.mp4', folder: '/data/recordings/yard/gate/' },
    url: 'playback/get?path=yard%2Fgate&start=2026-01-01T00%3A00%3A00.000007Z&duration=60.5',
  });
});

test('MPEG-TS has its own hook', () => {
  expect(recordHookOf({ ...FILE, file: '/data/a.ts' })).toBe('on_record_ts');
});
