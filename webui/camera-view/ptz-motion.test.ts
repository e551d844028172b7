import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AT_REST, PtzMotion, padVelocity, type Velocity } from './ptz-motion.ts';

const RIGHT: Velocity = { pan: 1, tilt: 0, zoom: 0 };
const UP: Velocity = { pan: 0, tilt: 0.5, zoom: 0 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A camera that hears when it is let. */
function slowCamera() {
  const heard: unknown[] = [];
  const waiting: (() => void)[] = [];
  const hear = (what: unknown) => {
    heard.push(what);
    return new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
  };
  const onFailure = vi.fn();
  const motion = new PtzMotion({ move: hear, stop: () => hear('stop'), onFailure });
  const answer = async () => {
    waiting.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { heard, motion, answer, onFailure };
}

test('a movement is repeated each second until it stops', async () => {
  const { heard, motion, answer } = slowCamera();
  motion.turn(RIGHT);
  await answer();
  await vi.advanceTimersByTimeAsync(1_000);
  await answer();
  expect(heard).toEqual([RIGHT, RIGHT]);
  motion.stop();
  await answer();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual([RIGHT, RIGHT, 'stop']);
});

test('the last of several movements during a call is sent', async () => {
  const { heard, motion, answer } = slowCamera();
  motion.turn(RIGHT);
  motion.turn({ ...RIGHT, pan: 0.5 });
  motion.turn(UP);
  expect(heard).toEqual([RIGHT]);
  await answer();
  expect(heard).toEqual([RIGHT, UP]);
});

test('a tap moves for 400 ms from the response on, also a late one', async () => {
  const { heard, motion, answer } = slowCamera();
  motion.turn(RIGHT);
  motion.stop();
  await vi.advanceTimersByTimeAsync(700);
  await answer();
  await vi.advanceTimersByTimeAsync(399);
  expect(heard).toEqual([RIGHT]);
  await vi.advanceTimersByTimeAsync(1);
  expect(heard).toEqual([RIGHT, 'stop']);
  await answer();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual([RIGHT, 'stop']);
});

test('a tap that becomes a press continues', async () => {
  const { heard, motion, answer } = slowCamera();
  motion.turn(RIGHT);
  await answer();
  motion.stop();
  motion.turn(UP);
  await vi.advanceTimersByTimeAsync(399);
  await answer();
  await vi.advanceTimersByTimeAsync(400);
  expect(heard).toEqual([RIGHT, UP]);
});

test('closing the page stops a moving camera, and calls no resting one', async () => {
  const { heard, motion, answer } = slowCamera();
  motion.leave();
  motion.turn(RIGHT);
  motion.leave();
  expect(heard).toEqual([RIGHT, 'stop']);
  await answer();
  await answer();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual([RIGHT, 'stop']);
});

test('a failed call is reported, and the camera can be moved again', async () => {
  const onFailure = vi.fn();
  const move = vi.fn().mockRejectedValueOnce(new Error('no answer')).mockResolvedValue(undefined);
  const motion = new PtzMotion({ move, stop: async () => {}, onFailure });
  motion.turn(RIGHT);
  await vi.advanceTimersByTimeAsync(0);
  expect(onFailure).toHaveBeenCalledOnce();
  motion.turn(UP);
  await vi.advanceTimersByTimeAsync(0);
  expect(move).toHaveBeenLastCalledWith(UP);
});

test.for([
  [0, 0, AT_REST],
  [0.1, -0.1, AT_REST],
  [1, 0, { pan: 1, tilt: 0, zoom: 0 }],
  [3, 0, { pan: 1, tilt: 0, zoom: 0 }],
  [0, -1, { pan: 0, tilt: 1, zoom: 0 }],
  [0, 0.6, { pan: 0, tilt: -0.6, zoom: 0 }],
  [-0.2, 0, { pan: -0.1, tilt: 0, zoom: 0 }],
  [0.8, 0.6, { pan: 0.8, tilt: -0.6, zoom: 0 }],
] as const)('a pointer at %d, %d from the centre moves by %o', ([x, y, expected]) => {
  expect(padVelocity(x, y)).toEqual(expected);
});
