import { expect, test, vi } from 'vitest';
import { centerings, centerOn, shareOf } from './tap-to-center.ts';

const BOUNDS = { left: 100, top: 50, width: 640, height: 360 };

test.for([
  ['the top left corner', { x: 100, y: 50 }, { x: 0, y: 0 }],
  ['the centre', { x: 420, y: 230 }, { x: 0.5, y: 0.5 }],
  ['the bottom right corner', { x: 740, y: 410 }, { x: 1, y: 1 }],
  ['the black bar above', { x: 420, y: 49 }, undefined],
  ['the black bar beside', { x: 741, y: 230 }, undefined],
] as const)('a tap on %s', ([, point, expected]) => {
  expect(shareOf(BOUNDS, point)).toEqual(expected);
});

test('an enlarged picture that goes beyond the screen', () => {
  expect(shareOf({ left: -640, top: -360, width: 1280, height: 720 }, { x: 0, y: 0 })).toEqual({ x: 0.5, y: 0.5 });
});

test.for([
  ['turns the camera', 1, 200],
  ['the camera refuses', 0, 400],
] as const)('a tap that %s counts %s', async ([, count, status]) => {
  const answer = Response.json({ status: 'error', error: 'cannot turn further' }, { status });
  vi.stubGlobal('fetch', async () => answer);
  const before = centerings.value;
  try {
    centerOn('gate', BOUNDS, { x: 420, y: 230 });
    expect(centerings.value).toBe(before);
    await vi.waitFor(() => expect(answer.bodyUsed || status === 200).toBe(true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(centerings.value - before).toBe(count);
  } finally {
    vi.unstubAllGlobals();
  }
});
