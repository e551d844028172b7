import { expect, test } from 'vitest';
import { HlsPlayer, linesOf, live, openHlsHarness } from '../../../../test/support/harness/servers/hls-harness.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HeldElsewhere, Replicas } from '../../../protocols/contract.ts';

const HELD = 'the secret of a session with another server';

/** Servers of which another one has the session HELD, or had it. */
function servers(answer: Awaited<ReturnType<Replicas['answer']>>) {
  const asked: Pick<HeldElsewhere, 'path' | 'secrets' | 'target'>[] = [];
  const replicas: Replicas = {
    newSecret: (path) => `a secret of this server for ${path}`,
    mayAnswer: () => false,
    answer: async ({ reply, path, secrets, target }) => {
      asked.push({ path, secrets, target });
      if (answer === 'answered') {
        reply.send('the answer of the other server');
      }
      return answer;
    },
  };
  return { replicas, asked };
}

const sessionIn = (query: string) => `session=${encodeURIComponent(HELD)}${query}`;

test('a request whose session is here is not for other servers', async () => {
  const { replicas, asked } = servers('answered');
  const { app, paths } = openHlsHarness({ replicas });
  live(paths);
  const player = new HlsPlayer(app, false);
  const multivariant = await player.get('/cam/index.m3u8');
  const [media = ''] = linesOf(multivariant.body);
  expect(media).toContain('session=a+secret+of+this+server+for+cam');
  const [segment = ''] = linesOf((await player.get(`/cam/${media}`)).body);
  expect((await player.get(`/cam/${segment}`)).statusCode).toBe(200);
  expect(asked).toEqual([]);
});

test.for(['index.m3u8', 'video1_stream.m3u8', '0123456789ab_video1_seg7.mp4'])(
  '%s of a session that is not here is for the server that has it, with all secrets of the request',
  async (name) => {
    const { replicas, asked } = servers('answered');
    const { app } = openHlsHarness({ replicas, prefix: '/live' });
    const headers = { cookie: 'hlsSession=one; other=2; hlsSession=two' };
    const answer = await app.inject({ url: `/live/a/cam/${name}?${sessionIn('&x=1')}`, headers });
    expect(answer.body).toBe('the answer of the other server');
    const target = `/hls/a/cam/${name}?${sessionIn('&x=1')}`;
    expect(asked).toEqual([{ path: 'a/cam', secrets: [HELD, 'one', 'two'], target }]);
  },
);

test.for(['unavailable', 'exhausted'] as const)(
  'index.m3u8 begins a session here when the server that has another one cannot be asked: %s',
  async (code) => {
    const { app, paths } = openHlsHarness({
      replicas: {
        newSecret: () => 'a secret of this server',
        mayAnswer: () => false,
        answer: async () => {
          throw new PerchError(code, 'it cannot be asked', { retryAfterS: 1 });
        },
      },
    });
    live(paths);
    const ask = (name: string) => app.inject(`/cam/${name}?${sessionIn('&cookieCheck=1')}`);
    const [multivariant, media] = [await ask('index.m3u8'), await ask('video1_stream.m3u8')];
    expect([multivariant.statusCode, multivariant.body]).toEqual([200, expect.stringContaining('a+secret+of+this')]);
    expect([media.statusCode, media.headers['retry-after']]).toEqual([code === 'exhausted' ? 429 : 503, '1']);
  },
);

test('an address whose prefix is encoded is not forwarded', async () => {
  const { replicas, asked } = servers('answered');
  const { app } = openHlsHarness({ replicas, prefix: '/live' });
  await app.inject(`/l%69ve/cam/index.m3u8?${sessionIn('')}`);
  expect(asked).toEqual([]);
});

test('an inherited session ends when the server that had it answers again', async () => {
  let [answer, mayAnswer]: [Awaited<ReturnType<Replicas['answer']>>, boolean] = [{ inherited: HELD }, false];
  const asked: (readonly string[])[] = [];
  const replicas: Replicas = {
    newSecret: () => undefined,
    mayAnswer: (secret) => mayAnswer && secret === HELD,
    answer: async ({ reply, secrets }) => {
      asked.push(secrets);
      if (answer === 'answered') {
        reply.send('the answer of the other server');
      }
      return answer;
    },
  };
  const { app, paths, server } = openHlsHarness({ replicas });
  live(paths);
  const ask = async () =>
    (
      await app.inject({
        url: `/cam/video1_stream.m3u8?${sessionIn('&_HLS_msn=7')}`,
        headers: { cookie: 'hlsSession=x' },
      })
    ).body;
  expect([await ask(), await ask()]).toEqual(Array(2).fill(expect.stringContaining('#EXTM3U')));
  expect(asked).toEqual([[HELD, 'x']]);
  // It may be back, and is not.
  mayAnswer = true;
  expect(await ask()).toContain('#EXTM3U');
  expect([asked.at(-1), server.sessions.count]).toEqual([[HELD], 1]);
  answer = 'answered';
  expect(await ask()).toBe('the answer of the other server');
  expect(server.sessions.count).toBe(0);
});

test('a session that no server knows is not found', async () => {
  const { replicas } = servers(undefined);
  const { app, paths } = openHlsHarness({ replicas });
  live(paths);
  expect((await app.inject(`/cam/video1_stream.m3u8?${sessionIn('')}`)).statusCode).toBe(404);
});

test('a low-latency player goes on with the session of a server that has ended, from its next number on', async () => {
  const { replicas } = servers({ inherited: HELD });
  const { app, paths } = openHlsHarness({ replicas, options: { variant: 'lowLatency' } });
  live(paths);
  const media = (query: string) => app.inject(`/cam/video1_stream.m3u8?${sessionIn(query)}`);
  const numberIn = (body: string) => Number(/MEDIA-SEQUENCE:(\d+)/.exec(body)?.[1]);
  const first = await media('&_HLS_msn=700&_HLS_part=2&_HLS_skip=YES');
  expect([first.statusCode, numberIn(first.body)]).toEqual([200, 701]);
  expect(first.body).toMatch(/#EXT-X-DISCONTINUITY-SEQUENCE:[1-9]/);
  const last = 700 + linesOf(first.body).length;
  const again = await media(`&_HLS_msn=${last}`);
  expect([again.statusCode, numberIn(again.body)]).toEqual([200, 701]);
  const tooFar = await media(`&_HLS_msn=${last + 9}`);
  expect([tooFar.statusCode, tooFar.body]).toEqual([400, expect.stringContaining('is too far ahead')]);
  const [segment = ''] = linesOf(again.body);
  expect((await app.inject(`/cam/${segment}`)).statusCode).toBe(200);
  expect((await app.inject(`/cam/0123456789ab_video1_seg7.mp4?${sessionIn('')}`)).statusCode).toBe(503);
});

test('ffmpeg goes on with any number; other players without a number begin anew', async () => {
  const { replicas } = servers({ inherited: HELD });
  const { app, paths } = openHlsHarness({ replicas });
  live(paths);
  const url = `/cam/video1_stream.m3u8?${sessionIn('')}`;
  expect((await app.inject(url)).statusCode).toBe(404);
  const lavf = await app.inject({ url, headers: { 'user-agent': 'Lavf/61.7.100' } });
  expect([lavf.statusCode, linesOf(lavf.body).length > 0]).toEqual([200, true]);
});

test('whoever may not read the path inherits nothing', async () => {
  const { replicas } = servers({ inherited: HELD });
  const { app, paths, server } = openHlsHarness({ replicas });
  live(paths, 'secret');
  expect((await app.inject(`/secret/video1_stream.m3u8?${sessionIn('&_HLS_msn=7')}`)).statusCode).toBe(401);
  expect(server.sessions.count).toBe(0);
});
