import { expect, test } from 'vitest';
import { HlsPlayer, linesOf, live, openHlsHarness } from '../../../../test/support/harness/servers/hls-harness.ts';
import type { HeldElsewhere, Replicas } from '../../../protocols/contract.ts';

const HELD = 'the secret of a session with another server';

/** Servers of which another one has the session HELD, or had it. */
function servers(answer: Awaited<ReturnType<Replicas['answer']>>) {
  const asked: Pick<HeldElsewhere, 'path' | 'secrets' | 'target'>[] = [];
  const replicas: Replicas = {
    newSecret: (path) => `a secret of this server for ${path}`,
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
