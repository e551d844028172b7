import { expect, test } from 'vitest';
import { including, MAX_MS, windowOf, zoomed } from './time-window.ts';

const HOUR = 3_600_000;

test('zooming keeps the moment under the finger where it is', () => {
  expect(zoomed({ fromMs: 0, toMs: 4 * HOUR }, 2, HOUR)).toEqual({ fromMs: HOUR / 2, toMs: 2.5 * HOUR });
  expect(zoomed({ fromMs: HOUR / 2, toMs: 2.5 * HOUR }, 0.5, HOUR)).toEqual({ fromMs: 0, toMs: 4 * HOUR });
});

test('a window is never shorter than a second nor longer than 31 days, and stays around the moment', () => {
  expect(zoomed({ fromMs: 0, toMs: 2_000 }, 100, 500)).toEqual({ fromMs: 250, toMs: 1_250 });
  expect(zoomed({ fromMs: 0, toMs: MAX_MS }, 0.1, MAX_MS / 2)).toEqual({ fromMs: 0, toMs: MAX_MS });
  expect(windowOf(0, 1000, 0.5)).toEqual({ fromMs: 500, toMs: 1_500 });
});

test('a moment outside comes into the middle; one inside moves nothing', () => {
  const hour = { fromMs: 0, toMs: HOUR };
  expect(including(hour, 0.98 * HOUR)).toEqual(hour);
  expect(including(hour, 3 * HOUR)).toEqual({ fromMs: 2.5 * HOUR, toMs: 3.5 * HOUR });
});
