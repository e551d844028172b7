import { expect, test } from 'vitest';
import { inertiaAt, VelocityTracker } from './gestures.ts';

test('a moving finger has its last speed at release, a resting one has none', () => {
  const meter = new VelocityTracker();
  for (const [atMs, px] of [
    [0, 0],
    [100, 0],
    [120, 20],
    [160, 60],
  ] as const) {
    meter.add(atMs, px);
  }
  expect(meter.at(165)).toBe(1);
  expect(meter.at(300)).toBe(0);
  expect(new VelocityTracker().at(0)).toBe(0);
});

test('inertia slows down, never turns, and ends', () => {
  const way = [0, 100, 200, 400, 800, 1600, 3200].map((ms) => inertiaAt(-2, ms));
  expect(way[0]).toEqual({ px: -0, isOver: false });
  const steps = way.map(({ px }) => -px);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(way.at(-1)?.isOver).toBe(true);
  expect(steps.at(-1)).toBeLessThan(2 * 325 + 1);
  expect(inertiaAt(0, 0).isOver).toBe(true);
});
