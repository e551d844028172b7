import { expect, test, vi } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { freeUdpPort } from '../../test/support/base/free-udp-port.ts';
import { keepLogLines } from '../../test/support/base/log-lines.ts';
import { openAdoptionHarness } from '../../test/support/harness/adoption-harness.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { Edit } from '../config/yaml/edit.ts';
import type { CameraDescription } from '../onvif/device/describe-device.ts';
import type { CameraStream } from '../onvif/device/streams.ts';
import { CameraCompletion } from './completion.ts';

const LOGIN = { user: 'admin', password: 'secret' };
/** The pauses between tries of a stream and of a whole camera. */
const PAUSES_MS = [1_000, 2_000, 4_000, 30_000, 60_000, 120_000];
/** Shortens those pauses. */
const SOON: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(PAUSES_MS.includes(ms) ? 100 : ms, signal),
};
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });

test('a camera whose main stream is busy is adopted with a note, and completed later, also after a restart', async () => {
  await using camera = await startOnvifCamera({ credentials: LOGIN, quirks: { describes: { main: 503 } } });
  const port = await freeUdpPort();
  let text = '';
  {
    await using box = await openAdoptionHarness({ port }, '', { clock: SOON });
    const adopted = await box.call('POST', '/cameras/adopt', {
      ...LOGIN,
      cameras: [{ onvif: camera.url, name: 'yard' }],
    });
    const pending = [{ path: 'yard', why: 'busy', words: 'the camera is busy or still starting (503)' }];
    expect(adopted.body['items']).toMatchObject([{ status: 'ok', paths: ['yard', 'yard_sub'], pending }]);
    expect((await box.call('GET', '/cameras/get/yard')).body).toMatchObject({ sub: 'yard_sub', pending });
    expect(box.log.join('')).toContain('stream could not be probed');
    text = box.text();
    expect(text).toContain(`source: ${camera.rtspUrl('main')}`);
    expect(text).toContain('pending: busy');
  }
  await using again = await openAdoptionHarness({ port }, text.slice(text.indexOf('paths:')), { clock: SOON });
  expect((await again.call('GET', '/cameras/get/yard')).body).toMatchObject({ pending: [{ why: 'busy' }] });
  camera.state.quirks.describes = {};
  await until(async () => {
    expect((await again.call('GET', '/cameras/get/yard')).body).toMatchObject({ state: 'running', pending: [] });
  });
  const pathsOf = (whole: string) => whole.slice(whole.indexOf('paths:'));
  expect(pathsOf(again.text())).toBe(pathsOf(text).replace(/\n *pending: busy/, ''));
});

test('a camera too busy to report its main stream is adopted with a note, and gets the address later, also after a restart', async () => {
  await using camera = await startOnvifCamera({ credentials: LOGIN, quirks: { busyAddresses: ['main'] } });
  const port = await freeUdpPort();
  let text = '';
  {
    await using box = await openAdoptionHarness({ port }, 'pathDefaults:\n  sourceOnDemand: yes\n', { clock: SOON });
    const adopted = await box.call('POST', '/cameras/adopt', {
      ...LOGIN,
      cameras: [{ onvif: camera.url, name: 'yard' }],
    });
    const pending = [{ path: 'yard', why: 'busy', words: 'the camera is busy or still starting (503)' }];
    expect(adopted.body['items']).toMatchObject([{ status: 'ok', paths: ['yard', 'yard_sub'], pending }]);
    expect((await box.call('GET', '/cameras/get/yard')).body).toMatchObject({ sub: 'yard_sub', pending });
    expect(box.log.join('')).toContain('stream could not be probed');
    text = box.text();
    expect(text).toContain(`source: ${camera.rtspUrl('sub')}`);
    expect(text).not.toContain(camera.rtspUrl('main'));
  }
  camera.state.quirks.busyAddresses = [];
  camera.state.quirks.describes = { main: 503 };
  await using again = await openAdoptionHarness({ port }, text.slice(text.indexOf('pathDefaults:')), { clock: SOON });
  await until(() => expect(again.text()).toContain(`source: ${camera.rtspUrl('main')}`));
  expect((await again.call('GET', '/cameras/get/yard')).body).toMatchObject({ pending: [{ why: 'busy' }] });
  camera.state.quirks.describes = {};
  await until(async () => {
    expect((await again.call('GET', '/cameras/get/yard')).body).toMatchObject({ pending: [] });
  });
  expect(again.text()).not.toContain('sourceOnDemand: no');
});

test('a camera that streams at other addresses after an update of its firmware is pulled there', async () => {
  await using camera = await startOnvifCamera({ credentials: LOGIN });
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, '', { clock: SOON });
  await box.call('POST', '/cameras/adopt', { ...LOGIN, cameras: [{ onvif: camera.url, name: 'yard' }] });
  const isRunning = async (path: string) =>
    expect((await box.call('GET', `/paths/get/${path}`)).body).toMatchObject({ available: true });
  await until(() => isRunning('yard'));
  await camera.stop({ isSilent: true });
  camera.state.quirks.streamPaths = { main: '/live/1?quality=best', sub: '/live/2' };
  await camera.start();
  await until(() => expect(box.text()).toContain('/live/1?quality=best'));
  await until(() => isRunning('yard'));
  await until(() => isRunning('yard_sub'));
}, 60_000);

test('streams given by address only are adopted with a note as well, and a check reports the problem', async () => {
  await using camera = await startOnvifCamera({ quirks: { describes: { sub: 453 } } });
  await using box = await openAdoptionHarness({ port: await freeUdpPort() }, '', { clock: SOON });
  const request = { rtsp: camera.rtspUrl('main'), sub: camera.rtspUrl('sub') };
  const words = 'the camera has no room for another viewer of this stream (453)';
  expect((await box.call('POST', '/cameras/check', request)).body).toMatchObject({
    isGood: false,
    error: `${words}: try again in a moment`,
  });
  const { body } = await box.call('POST', '/cameras/adopt', { cameras: [{ ...request, name: 'yard' }] });
  expect(body['items']).toMatchObject([{ status: 'ok', pending: [{ path: 'yard_sub', why: 'noRoom', words }] }]);
});

const stream = (token: string, more: Partial<CameraStream> = {}) =>
  ({ token, rtspUrl: `rtsp://192.0.2.9/${token}`, probed: { hasSound: false }, ...more }) as CameraStream;

function openCompletion(description: () => Partial<CameraDescription>) {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const camera = (profile: string) => `camera: {onvif: "http://192.0.2.9/onvif", profile: ${profile}, pending: busy}`;
  let current = good(
    `paths:\n  yard: {source: "rtsp://192.0.2.9/main", ${camera('main')}}\n  yard_sub: {source: "rtsp://192.0.2.9/old", ${camera('sub')}}\n`,
  );
  const edits: Edit[] = [];
  const readAtMs: number[] = [];
  const completion = new CameraCompletion({
    store: {
      get current() {
        return current;
      },
      revise: async (plan) =>
        void edits.push(...(await plan({ config: current, written: undefined, text: '' } as never))),
    },
    read: async () => {
      readAtMs.push(clock.monoMs());
      return { profiles: [{ token: 'main' }, { token: 'sub' }], ...description() } as CameraDescription;
    },
    onRead: () => {},
    ...{ clock, log, publish: () => {}, signal: new AbortController().signal },
  });
  return {
    ...{ clock, logged, edits, readAtMs, completion },
    complete: (text = 'paths:\n') => {
      current = good(text);
    },
  };
}

const channel = (main: CameraStream, sub: CameraStream | undefined) => ({
  channels: [{ videoSource: undefined, main, sub }],
});

test('a stream at a new address gets that address; delayed streams stay unchanged', async () => {
  const { clock, edits, completion } = openCompletion(() =>
    channel(stream('main', { probed: undefined, delay: 'busy' }), stream('sub')),
  );
  completion.apply();
  await clock.advance(30_000);
  expect(edits).toEqual([
    { keyPath: ['paths', 'yard_sub', 'source'], value: 'rtsp://192.0.2.9/sub' },
    { keyPath: ['paths', 'yard_sub', 'camera', 'pending'], value: undefined },
  ]);
});

test('a stream that is lost gets the address of its own profile only, and is never removed', async () => {
  const notFound = new PerchError('notFound', '404');
  let described = channel(stream('third'), undefined);
  const { clock, edits, readAtMs, completion, complete } = openCompletion(() => described);
  const ofMain = 'camera: {onvif: "http://192.0.2.9/onvif", profile: main}';
  const [own, tunnel] = ['rtsp://192.0.2.9/old', 'rtsp+http://192.0.2.9/old'];
  const sources = { yard: own, yard_sub: own, tunnel };
  const lines = Object.entries(sources).map(([name, source]) => `  ${name}: {source: "${source}", ${ofMain}}\n`);
  complete(`paths:\n${lines.join('')}`);
  completion.streamFailed('yard', new PerchError('unavailable', 'connection refused'));
  await clock.advance(60_000);
  expect(readAtMs).toEqual([]);
  completion.streamFailed('yard', notFound);
  completion.streamFailed('yard_sub', notFound);
  completion.streamFailed('tunnel', notFound);
  completion.streamFailed('gate', notFound);
  await clock.advance(30_000);
  expect(readAtMs).toHaveLength(1);
  expect(edits).toEqual([]);
  described = channel(stream('main'), undefined);
  await clock.advance(60_000);
  expect(edits).toEqual([{ keyPath: ['paths', 'yard', 'source'], value: 'rtsp://192.0.2.9/main' }]);
  for (const path of Object.keys(sources)) {
    await completion.streamOpened(path);
  }
  await clock.advance(60 * 60_000);
  expect(readAtMs).toHaveLength(2);
});

test('a sub stream that does not exist is removed again', async () => {
  const { clock, edits, completion } = openCompletion(() => channel(stream('main'), undefined));
  completion.apply();
  await clock.advance(30_000);
  expect(edits).toEqual([
    { keyPath: ['paths', 'yard', 'camera', 'pending'], value: undefined },
    { keyPath: ['paths', 'yard_sub'], value: undefined },
  ]);
});

test('an incomplete camera is retried at growing intervals, once for all of its paths, until it is complete', async () => {
  const { clock, readAtMs, completion, complete } = openCompletion(() => {
    throw new PerchError('timeout', 'no answer');
  });
  completion.apply();
  completion.apply();
  await clock.advance(60 * 60_000);
  expect(readAtMs.map((ms) => ms / 1_000)).toEqual([30, 90, 210, 510, 1_110, 2_910]);
  complete();
  await clock.advance(120 * 60_000);
  expect(readAtMs).toHaveLength(6);
});

test('an internal error is logged, and the next attempt follows', async () => {
  const { clock, readAtMs, logged, completion } = openCompletion(() => {
    throw new TypeError('a bug');
  });
  completion.apply();
  await clock.advance(90_000);
  expect(readAtMs).toHaveLength(2);
  expect(logged.map(([level]) => level)).toEqual(['error', 'error']);
});
