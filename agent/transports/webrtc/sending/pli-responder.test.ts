// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { ScriptedCamera, ScriptedViewer } from '../../../../test/support/clients/webrtc/scripted-viewer.ts';
import { type KeyFrameSource, PliResponder } from './pli-responder.ts';

/** Records the actions and their times. */
class Keys implements KeyFrameSource {
  readonly events: string[] = [];
  bornMs: number | undefined = 0;
  readonly clock = new FakeClock();
  readonly #canAsk: boolean;

  constructor(canAsk = true) {
    this.#canAsk = canAsk;
  }

  get keyFrameAgeMs(): number | undefined {
    return this.bornMs === undefined ? undefined : this.clock.monoMs() - this.bornMs;
  }

  restartAtKey(): void {
    this.events.push(`restart at ${this.clock.monoMs()}`);
  }

  requestKeyFrame(): boolean {
    this.events.push(`ask at ${this.clock.monoMs()}`);
    return this.#canAsk;
  }
}

test('a loss right after the start is answered by the start itself', async () => {
  const keys = new Keys();
  const loss = new PliResponder(keys, keys.clock);
  await keys.clock.advance(499);
  loss.onPictureLoss();
  expect(keys.events).toEqual([]);
  await keys.clock.advance(1);
  loss.onPictureLoss();
  expect(keys.events).toEqual(['restart at 500']);
});

test('a recent key frame is resent at once, an older one only if no new one arrives in time', async () => {
  const keys = new Keys();
  const loss = new PliResponder(keys, keys.clock);
  await keys.clock.advance(1_000);
  loss.onPictureLoss();
  await keys.clock.advance(4_000);
  loss.onPictureLoss();
  expect(keys.events).toEqual(['restart at 1000', 'ask at 5000']);
  await keys.clock.advance(299);
  expect(keys.events).toHaveLength(2);
  await keys.clock.advance(1);
  expect(keys.events).toEqual(['restart at 1000', 'ask at 5000', 'restart at 5300']);
});

test('a requested key frame that arrives is sufficient', async () => {
  const keys = new Keys();
  const loss = new PliResponder(keys, keys.clock);
  await keys.clock.advance(5_000);
  loss.onPictureLoss();
  await keys.clock.advance(200);
  keys.bornMs = keys.clock.monoMs();
  await keys.clock.advance(1_000);
  expect(keys.events).toEqual(['ask at 5000']);
});

test('if no source accepts requests, the old key frame is replayed at once', async () => {
  const keys = new Keys(false);
  const loss = new PliResponder(keys, keys.clock);
  await keys.clock.advance(5_000);
  loss.onPictureLoss();
  expect(keys.events).toEqual(['ask at 5000', 'restart at 5000']);
});

test('without a cached key frame one is requested, and nothing else happens', async () => {
  const keys = new Keys();
  keys.bornMs = undefined;
  const loss = new PliResponder(keys, keys.clock);
  await keys.clock.advance(5_000);
  loss.onPictureLoss();
  await keys.clock.advance(5_000);
  expect(keys.events).toEqual(['ask at 5000']);
});

test('a viewer that asks for ever is sent groups ever more rarely, in the end every eight seconds', async () => {
  const keys = new Keys(false);
  const loss = new PliResponder(keys, keys.clock);
  for (let i = 0; i < 600; i += 1) {
    await keys.clock.advance(100);
    loss.onPictureLoss();
  }
  const restarts = keys.events.filter((event) => event.startsWith('restart'));
  expect(restarts.slice(0, 7).map((event) => Number(event.slice(11)))).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 16_000, 24_000,
  ]);
  expect(restarts).toHaveLength(11);
  expect(keys.events.length - restarts.length).toBeLessThan(121);
});

test('after ten quiet seconds a loss is helped as fast as the first one', async () => {
  const keys = new Keys(false);
  const loss = new PliResponder(keys, keys.clock);
  for (let i = 0; i < 100; i += 1) {
    await keys.clock.advance(100);
    loss.onPictureLoss();
  }
  await keys.clock.advance(10_100);
  keys.events.length = 0;
  loss.onPictureLoss();
  await keys.clock.advance(500);
  loss.onPictureLoss();
  expect(keys.events.filter((event) => event.startsWith('restart'))).toEqual(['restart at 20100', 'restart at 20600']);
});

test('a viewer that has left gets no packets after a missing key frame', async () => {
  const keys = new Keys();
  const loss = new PliResponder(keys, keys.clock);
  await keys.clock.advance(5_000);
  loss.onPictureLoss();
  loss.close();
  await keys.clock.advance(1_000);
  expect(keys.events).toEqual(['ask at 5000']);
});

test('a viewer that lost its picture gets the GOP again, with continuous times', async () => {
  const clock = new FakeClock();
  const camera = new ScriptedCamera(clock);
  const viewer = new ScriptedViewer(camera);
  viewer.start();
  camera.picture(true);
  await clock.advance(40);
  await camera.play(0.6, { keyEvery: 1_000 });
  const before = viewer.takeVideo();
  viewer.losePicture();
  await clock.advance(20);
  const again = viewer.takeVideo();
  expect(again.map(({ payload }) => payload)).toEqual(before.map(({ payload }) => payload));
  expect(again[0]?.sequence).toBe(((before.at(-1)?.sequence ?? 0) + 1) & 0xffff);
  camera.picture(false);
  const all = [...before, ...again, ...viewer.takeVideo()];
  const steps = all.slice(1).map(({ timestamp }, i) => (timestamp - (all[i]?.timestamp ?? 0)) | 0);
  expect(steps.filter((step, i) => step < 0 || (step === 0 && all[i]?.marker))).toEqual([]);
});

test('the age of a key frame is measured by the camera’s clock', async () => {
  const clock = new FakeClock();
  const camera = new ScriptedCamera(clock);
  camera.wallAheadMs = -8_000;
  const requests: number[] = [];
  camera.stream.onKeyFrameWanted = () => requests.push(clock.monoMs());
  const viewer = new ScriptedViewer(camera);
  viewer.start();
  camera.picture(true);
  await clock.advance(40);
  await camera.play(0.6, { keyEvery: 1_000 });
  requests.length = 0;
  const { length } = viewer.takeVideo();
  viewer.losePicture();
  await clock.advance(20);
  expect(viewer.takeVideo()).toHaveLength(length);
  expect(requests).toEqual([]);
});
