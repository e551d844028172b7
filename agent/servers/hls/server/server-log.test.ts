import { expect, test } from 'vitest';
import {
  feed,
  HlsPlayer,
  linesOf,
  live,
  openHlsHarness,
} from '../../../../test/support/harness/servers/hls-harness.ts';
import { mp3 } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { Stream } from '../../../stream/stream.ts';

const facts = { path: 'cam', variant: 'fmp4' };

test('one viewer is four log lines, however many requests it sends', async () => {
  const { app, clock, paths, logged, server } = openHlsHarness();
  const stream = live(paths);
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  const [session] = server.sessions.list();
  let sentBytes = 0;
  for (let i = 0; i < 5; i += 1) {
    const media = await player.get('/cam/video1_stream.m3u8');
    sentBytes += (await player.get(`/cam/${linesOf(media.body).at(-1)}`)).rawPayload.length;
    feed(stream, 1, 4 + i);
    await clock.advance(1000);
  }
  await clock.advance(200_000);
  const viewer = { path: 'cam', session: session?.id, remote: session?.remoteAddr, protocol: 'fmp4', user: 'ann' };
  expect(logged).toEqual([
    ['info', 'HLS muxer started', facts],
    ['info', 'HLS viewer is connected', viewer],
    ['info', 'HLS viewer has left', { ...viewer, reason: 'no request for 30 s', sentBytes }],
    ['info', 'HLS muxer ended', { ...facts, reason: 'no request for 60 s', sentBytes }],
  ]);
});

test.for([
  ['the viewer is kicked', 'ended through the API'],
  ['the stream ends', 'the stream has ended'],
  ['the server closes', 'the server is closing'],
] as const)('when %s the log says why the viewer has left: %s', async ([what, reason]) => {
  const { app, paths, logged, server } = openHlsHarness();
  const stream = live(paths);
  await new HlsPlayer(app).get('/cam/index.m3u8');
  if (what === 'the viewer is kicked') {
    server.sessions.kick(server.sessions.list()[0]?.id ?? '');
  } else if (what === 'the stream ends') {
    stream.close();
  } else {
    await server.close();
  }
  const left = logged.filter(([, phrase]) => phrase === 'HLS viewer has left');
  expect(left.map(([, , left]) => left)).toMatchObject([{ reason, sentBytes: 0 }]);
});

test('a muxer that fails at each request is logged once in ten minutes', async () => {
  const { app, clock, paths, logged } = openHlsHarness({ options: { segmentMaxBytes: 100 } });
  const stream = live(paths);
  const shown = () => logged.filter(([level]) => level !== 'debug').map(([level, phrase]) => [level, phrase]);
  const once = [
    ['info', 'HLS muxer started'],
    ['warn', 'HLS muxer failed'],
  ];
  for (let i = 0; i < 5; i += 1) {
    expect((await new HlsPlayer(app).get('/cam/index.m3u8')).statusCode).toBe(500);
    feed(stream, 1, 4 + i);
  }
  expect(shown()).toEqual(once);
  await clock.advance(600_000);
  await new HlsPlayer(app).get('/cam/index.m3u8');
  expect(shown()).toEqual([...once, ...once]);
});

test('omitted tracks are logged once per stream, with advice', async () => {
  const { app, paths, logged } = openHlsHarness();
  const stream = new Stream([tinyH264, mp3]);
  paths.streams.set('cam', stream);
  for (const picture of tinyVideo(100, 25, 100)) {
    stream.write(0, picture);
  }
  await new HlsPlayer(app).get('/cam/index.m3u8');
  await new HlsPlayer(app).get('/cam/index.m3u8');
  const [[, phrase, left] = [], ...others] = logged.filter(([level]) => level === 'warn');
  expect(phrase).toBe('HLS omits tracks that players do not support');
  const codecs = ['MPEG-1/2 Audio layer 3'];
  expect(left).toEqual({ path: 'cam', codecs, advice: 'hlsVariant: mpegts takes MPEG-1/2 Audio layer 3' });
  expect(others).toEqual([]);
});

test('a request with an ended session gets advice', async () => {
  const { app, paths } = openHlsHarness();
  live(paths);
  const answer = await app.inject('/cam/video1_stream.m3u8?session=x');
  expect([answer.statusCode, answer.json().error]).toEqual([
    404,
    'this session has ended, or belongs to another path: open index.m3u8 again',
  ]);
});
