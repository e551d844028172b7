import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { MAIN_PROFILE, SUB_PROFILE } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { never, probeStream, read, start, targetOf } from '../../../test/support/cameras/described-camera.ts';
import { PerchError } from '../../base/errors.ts';
import { describeStream } from '../../sources/rtsp/probe.ts';
import { describeDevice } from './describe-device.ts';
import { openSession } from './onvif-session.ts';
import type { ProbeStream } from './streams.ts';

test('a recorder is a channel for each lens; one whose camera is away does not hide the others', async () => {
  const lens = (source: string, main: string, sub: string) => [
    { ...MAIN_PROFILE, token: main, name: main, source },
    { ...SUB_PROFILE, token: sub, name: sub, source },
  ];
  const profiles = [...lens('ch1', 'a', 'b'), ...lens('ch2', 'c', 'd'), ...lens('ch3', 'e', 'f')];
  const streamPaths = Object.fromEntries(profiles.map(({ token }) => [token, `/lens/${token}`]));
  const camera = await start({ streamPaths }, { profiles });
  const session = await openSession(targetOf(camera));
  const away = new Set(['c', 'd'].map((token) => camera.rtspUrl(token)));
  const one: ProbeStream = async (url, credentials, signal) => {
    if (away.has(url)) {
      throw new PerchError('notFound', 'no such stream');
    }
    return probeStream(url, credentials, signal);
  };
  const { channels, main } = await describeDevice(session, { probeStream: one, signal: never });
  expect(channels.map((channel) => [channel.videoSource, channel.main.token, channel.sub?.token])).toEqual([
    ['ch1', 'a', 'b'],
    ['ch3', 'e', 'f'],
  ]);
  expect(main.token).toBe('a');
  const third = await describeDevice(session, { signal: never, videoSources: ['ch3'] });
  expect(third.channels.map(({ videoSource }) => videoSource)).toEqual(['ch3']);
});

test('a camera that names one address for its large and its small stream has one stream', async () => {
  const camera = await start({ streamPaths: { main: '/live', sub: '/live' } });
  const { main, sub } = await read(camera);
  expect([main.rtspUrl, sub]).toEqual([camera.rtspUrl('main'), undefined]);
  const third = { ...SUB_PROFILE, token: 'third', name: 'third', width: 160, height: 90 };
  const streamPaths = { main: '/live', sub: '/live', third: '/third' };
  const other = await start({ streamPaths }, { profiles: [MAIN_PROFILE, SUB_PROFILE, third] });
  expect((await read(other)).sub?.token).toBe('third');
});

test.for([
  [453, 'noRoom'],
  [503, 'busy'],
] as const)(
  'a main stream that answers %s is the main stream all the same, with the reason',
  async ([status, delay]) => {
    const camera = await start({ describes: { main: status } });
    const { main, sub } = await read(camera);
    expect(main).toMatchObject({ token: 'main', rtspUrl: camera.rtspUrl('main'), delay, probed: undefined });
    expect(sub).toMatchObject({ token: 'sub', rtspUrl: camera.rtspUrl('sub'), probed: { hasPicture: true } });
    expect(sub?.delay).toBeUndefined();
  },
);

test('a camera that is too busy to name its streams gets both', async () => {
  const { main, sub } = await read(await start({ busyAddresses: ['main', 'sub'] }));
  expect(main).toMatchObject({ token: 'main', rtspUrl: undefined, probed: undefined, delay: 'busy' });
  expect(sub).toMatchObject({ token: 'sub', rtspUrl: undefined, delay: 'busy' });
});

test('a delayed sub stream is kept, and a missing one is dropped', async () => {
  const busy = await read(await start({ describes: { sub: 503 } }));
  expect(busy.sub).toMatchObject({ token: 'sub', delay: 'busy' });
  const away = await read(await start({ describes: { sub: 404 } }));
  expect([away.main.delay, away.sub]).toEqual([undefined, undefined]);
});

test('a stream that does not answer in time is slow, not missing', async () => {
  const camera = await start({ describes: { main: 'never' } });
  const session = await openSession(targetOf(camera));
  // Not with the other stream, which may take longer on a busy machine.
  const impatient: ProbeStream = (url, credentials, signal) =>
    url === camera.rtspUrl('main')
      ? describeStream(url, credentials, { signal, deadlineMs: 100, answerMs: 300 })
      : probeStream(url, credentials, signal);
  const { main, sub } = await describeDevice(session, { probeStream: impatient, signal: never });
  expect([main.token, main.delay, sub?.token, sub?.delay]).toEqual(['main', 'slow', 'sub', undefined]);
});

test('a stream that is temporarily unavailable is retried while the caller waits, a few times per camera', async () => {
  const camera = await start({ describes: { main: 503, sub: 453 } });
  const session = await openSession(targetOf(camera));
  const clock = new FakeClock();
  const asked: string[] = [];
  const counting: ProbeStream = (url, ...more) => {
    asked.push(url);
    if (asked.length === 3) {
      camera.state.quirks.describes = { sub: 453 };
    }
    return probeStream(url, ...more);
  };
  const reading = describeDevice(session, { probeStream: counting, signal: never, retryClock: clock });
  const tick = setInterval(() => void (clock.sleeping > 0 && clock.advance(4_000)), 20);
  const { main, sub } = await reading.finally(() => clearInterval(tick));
  expect([main.delay, sub?.delay]).toEqual([undefined, 'noRoom']);
  const [first, second] = [camera.rtspUrl('main'), camera.rtspUrl('sub')];
  expect(asked).toEqual([first, first, first, second, second]);
});

test('a main stream whose server closes the connection stays the main stream', async () => {
  const camera = await start({});
  const session = await openSession(targetOf(camera));
  const closing = createServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1');
  onTestFinished(() => void closing.close());
  await once(closing, 'listening');
  const { port } = closing.address() as AddressInfo;
  const mainAt = camera.rtspUrl('main');
  const one: ProbeStream = (url, credentials, signal) =>
    url === mainAt
      ? describeStream(`rtsp://127.0.0.1:${port}/`, credentials, { signal })
      : probeStream(url, credentials, signal);
  const { main, sub } = await describeDevice(session, { probeStream: one, signal: never });
  expect(main).toMatchObject({ token: 'main', rtspUrl: mainAt, delay: 'slow' });
  expect(sub).toMatchObject({ token: 'sub', probed: { hasPicture: true } });
});
