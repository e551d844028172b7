import { once } from 'node:events';
import { Agent, get, type IncomingHttpHeaders, type IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { listenLocally } from '../../../../test/support/base/local-listener.ts';
import {
  addressesOf,
  feed,
  HLS_OPTIONS,
  HlsPaths,
  hlsAccess,
  live,
} from '../../../../test/support/harness/servers/hls-harness.ts';
import { silentLogger } from '../../../base/log.ts';
import { PreLoginMemory } from '../../../base/network/pre-login-memory.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { cors } from '../../../http/listener/cors.ts';
import { HlsServer } from '../server/server.ts';
import { hlsPlugin } from './plugin.ts';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A header that sends a request to the route, which answers as without it. */
const BY_ROUTE = { 'X-Real-IP': '192.0.2.7' };

/** Low latency on a real port, with a player's session. */
async function serve(prefix = '/hls') {
  const clock = new FakeClock();
  const paths = new HlsPaths();
  const server = new HlsServer({ ...HLS_OPTIONS, variant: 'lowLatency' }, paths, clock, silentLogger);
  const app = createHttpApp({ log: silentLogger });
  const allowOrigins = () => ['*'];
  await app.register(hlsPlugin, {
    ...{ prefix, server, access: hlsAccess, allowOrigins },
    cors: (methods: string, headers: string) => cors(allowOrigins, methods, headers),
  });
  const taken: boolean[] = [];
  const take = app.shortcuts.take.bind(app.shortcuts);
  app.shortcuts.take = (request, response) => {
    const isTaken = take(request, response);
    taken.push(isTaken);
    return isTaken;
  };
  const { port } = await listenLocally(app, { preLogin: new PreLoginMemory(clock, silentLogger) });
  const agent = new Agent({ keepAlive: true });
  onTestFinished(async () => {
    agent.destroy();
    await server.close();
    await app.close();
  });
  let cookie = 'cookieCheck=1';
  const ask = async (name: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => {
    const own = { Cookie: cookie, 'Accept-Encoding': 'gzip', ...headers };
    const request = get({ port, host: '127.0.0.1', path: `${prefix}/cam/${name}`, headers: own, agent });
    const [message] = (await once(request, 'response')) as [IncomingMessage];
    return { status: message.statusCode, headers: message.headers, body: await buffer(message) };
  };
  const stream = live(paths);
  const { headers } = await ask('index.m3u8');
  cookie = `cookieCheck=1; ${headers['set-cookie']?.join().split(';')[0]}`;
  taken.length = 0;
  /** @returns the answer, which is the same by the route */
  const both = async (name: string, more: Readonly<Record<string, string>> = {}): Promise<Answer> => {
    const [one, other] = [await ask(name, more), await ask(name, { ...more, ...BY_ROUTE })];
    expect(one).toEqual({ ...other, headers: { ...other.headers, date: one.headers.date } });
    return one;
  };
  return { ask, both, stream, paths, server, taken, app, port };
}

const text = async (ask: (name: string, headers: Record<string, string>) => Promise<Answer>, name: string) =>
  (await ask(name, { 'Accept-Encoding': 'identity' })).body.toString();

test.for(['', '/hls'])(
  'playlists, parts, segments and init files are the same as by the route, at "%s"',
  async (prefix) => {
    const { both, ask, taken } = await serve(prefix);
    const playlist = await text(ask, 'video1_stream.m3u8');
    const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(playlist)?.[1];
    const names = new Set(addressesOf(playlist).filter((name) => name !== hint && name.endsWith('.mp4')));
    taken.length = 0;
    const playlists = ['', '?_HLS_msn=1', '?_HLS_msn=1&_HLS_part=0', '?_HLS_msn=1&_HLS_skip=YES'];
    const all = [...playlists.map((query) => `video1_stream.m3u8${query}`), 'audio2_stream.m3u8', ...names];
    for (const name of all) {
      expect((await both(name)).status).toBe(200);
    }
    expect(names.size).toBeGreaterThan(3);
    expect(taken).toEqual(all.flatMap(() => [true, false]));
  },
);

test('a playlist that is requested ahead is sent with its part', async () => {
  const { ask, stream, taken } = await serve();
  const before = await text(ask, 'video1_stream.m3u8');
  const number = 1 + before.split('#EXTINF').length - 1;
  const waiting = ask(`video1_stream.m3u8?_HLS_msn=${number}&_HLS_part=1`, { 'Accept-Encoding': 'identity' });
  while (taken.length < 2) {
    await new Promise(setImmediate);
  }
  for (let second = 4; second < 8; second += 1) {
    feed(stream, 1, second);
  }
  const { status, body } = await waiting;
  expect([status, taken]).toEqual([200, [true, true]]);
  expect(body.toString().length).toBeGreaterThan(before.length);
});

test('a wait that the end of the stream cuts short continues in the route, with the next stream', async () => {
  const { ask, stream, taken, paths, server } = await serve();
  const number = (await text(ask, 'video1_stream.m3u8')).split('#EXTINF').length;
  const waiting = ask(`video1_stream.m3u8?_HLS_msn=${number}&_HLS_part=1`);
  while (taken.length < 2) {
    await new Promise(setImmediate);
  }
  stream.close();
  server.streamOpened('cam', live(paths));
  const { status, headers } = await waiting;
  expect([status, headers['access-control-allow-origin']]).toEqual([200, '*']);
});

describe.each(['at once', 'after a wait'])('a playlist that is sent %s', (time) => {
  /** `fails` throws once in the answer. */
  async function askWith(fails: 'writeHead' | 'end'): Promise<Answer> {
    const { ask, stream, taken } = await serve();
    const number = (await text(ask, 'video1_stream.m3u8')).split('#EXTINF').length;
    const failOnce = () => {
      const spy = vi.spyOn(ServerResponse.prototype, fails).mockImplementationOnce(() => {
        throw new Error('a fault of ours');
      });
      onTestFinished(() => spy.mockRestore());
    };
    if (time === 'at once') {
      failOnce();
      return ask('video1_stream.m3u8');
    }
    const answer = ask(`video1_stream.m3u8?_HLS_msn=${number}`);
    while (taken.length < 2) {
      await new Promise(setImmediate);
    }
    failOnce();
    for (let second = 4; second < 8; second += 1) {
      feed(stream, 1, second);
    }
    return answer;
  }

  test('comes from the route when the shortcut throws', async () => {
    expect((await askWith('writeHead')).status).toBe(200);
  });

  test('ends its connection when the shortcut throws after the head', async () => {
    await expect(askWith('end')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

test.for<[string, number, string, Record<string, string>]>([
  ['without a session', 404, 'video1_stream.m3u8', { Cookie: 'cookieCheck=1' }],
  ['with the session of another address', 200, 'video1_stream.m3u8', { 'X-Test-IP': '192.0.2.9' }],
  ['too far ahead', 400, 'video1_stream.m3u8?_HLS_msn=99', {}],
  ['of a rendition that is not there', 404, 'video9_stream.m3u8', {}],
  ['of a file that is not there', 404, '0123456789ab_video1_seg9.mp4', {}],
  ['with a query of its own', 200, 'video1_stream.m3u8?token=x', {}],
  ['with escapes', 200, 'video1%5fstream.m3u8', {}],
  ['from another page', 200, 'video1_stream.m3u8', { Origin: 'https://nas.example' }],
  ['from ffmpeg', 200, 'video1_stream.m3u8', { 'User-Agent': 'Lavf/61.7.100' }],
])('a request %s goes to the route', async ([, status, name, headers]) => {
  const { ask, taken } = await serve();
  expect((await ask(name, headers)).status).toBe(status);
  expect(taken).toEqual([false]);
});

test('a range goes to the route; so does everything while a hook applies to all requests', async () => {
  const { ask, taken, app } = await serve();
  const [init = ''] = addressesOf(await text(ask, 'video1_stream.m3u8'));
  const part = await ask(init, { Range: 'bytes=0-9' });
  expect([part.status, part.body.length]).toEqual([206, 10]);
  app.shortcuts.offWhile(() => true);
  expect((await ask(init)).status).toBe(200);
  expect(taken).toEqual([true, false, false]);
});

test('bytes sent are counted, and the session is not idle', async () => {
  const { ask, server } = await serve();
  const [, name = ''] = addressesOf(await text(ask, 'video1_stream.m3u8'));
  const { body } = await ask(name);
  expect(server.sessions.list().map(({ outboundBytes }) => outboundBytes)).toEqual([body.length]);
});
