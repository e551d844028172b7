import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { PICTURES } from '../stream/stream.ts';
import { Overload } from './overload.ts';

const { all, keyFrames, none } = PICTURES;

function setup(isRecording = true) {
  const clock = new FakeClock();
  const overload = new Overload(clock, silentLogger);
  const recording = { isOn: isRecording };
  clock.eachSecond(() => overload.tick(recording.isOn));
  const busy = async (share: number, seconds: number) => {
    clock.busyShare = share;
    await clock.advance(seconds * 1_000);
    return overload.pictures;
  };
  return { busy, recording };
}

test('three busy seconds in a row are an overload, shorter bursts are none', async () => {
  const { busy } = setup();
  expect(await busy(0.9, 600)).toBe(all);
  for (let i = 0; i < 10; i += 1) {
    expect(await busy(1, 2)).toBe(all);
    expect(await busy(0.5, 1)).toBe(all);
  }
  expect(await busy(1, 3)).toBe(keyFrames);
});

test('without key frames too if that is not enough for recordings; without recordings they stay', async () => {
  const recorder = setup();
  expect(await recorder.busy(1, 5)).toBe(keyFrames);
  expect(await recorder.busy(1, 1)).toBe(none);
  expect(await recorder.busy(1, 60)).toBe(none);
  recorder.recording.isOn = false;
  expect(await recorder.busy(1, 1)).toBe(keyFrames);
  const live = setup(false);
  expect(await live.busy(1, 60)).toBe(keyFrames);
});

test('it ends after ten seconds of relief, and later each time that it comes back at once', async () => {
  const { busy } = setup();
  await busy(1, 3);
  expect(await busy(0.8, 600)).toBe(keyFrames);
  expect(await busy(0.5, 9)).toBe(keyFrames);
  expect(await busy(0.5, 1)).toBe(all);
  for (const seconds of [20, 40, 80, 160, 300, 300]) {
    expect(await busy(1, 3)).toBe(keyFrames);
    expect(await busy(0.5, seconds - 1)).toBe(keyFrames);
    expect(await busy(0.5, 1)).toBe(all);
  }
  await busy(0.1, 60);
  await busy(1, 3);
  expect(await busy(0.5, 10)).toBe(all);
});

test('key frames return as soon as recordings alone leave any time, and more rarely each time that this is vain', async () => {
  const { busy } = setup();
  expect(await busy(1, 6)).toBe(none);
  for (const seconds of [10, 20, 40, 80]) {
    expect(await busy(0.9, seconds - 1)).toBe(none);
    expect(await busy(0.9, 1)).toBe(keyFrames);
    expect(await busy(1, 3)).toBe(none);
  }
});
