import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { labelKind, placeLabels, tickStep, widestLabels } from './ticks.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
let zone: string | undefined;
beforeEach(() => {
  zone = process.env['TZ'];
});
afterEach(() => {
  if (zone === undefined) {
    delete process.env['TZ'];
  } else {
    process.env['TZ'] = zone;
  }
});
const inZone = (name: string) => {
  process.env['TZ'] = name;
};
/** In a browser the zone is the same for as long as the page lives, so formats are made once. */
async function ticksOf(fromMs: number, toMs: number, stepMs: number) {
  vi.resetModules();
  const { ticks } = await import('./ticks.ts');
  return ticks({ fromMs, toMs }, stepMs, 'en-GB');
}
const texts = async (fromMs: number, toMs: number, stepMs: number) =>
  (await ticksOf(fromMs, toMs, stepMs)).map(({ text }) => text);

test.for([
  [1_000, 1_000],
  [4 * HOUR, 30 * MINUTE],
  [31 * 24 * HOUR, 2 * 24 * HOUR],
])('over 1,000 px, labels of %i ms have steps of %i ms, at least 64 px apart', ([lengthMs = 0, expected]) => {
  const step = tickStep(lengthMs / 1000);
  expect(step).toBe(expected);
  const px = step / (lengthMs / 1000);
  expect(px).toBeGreaterThanOrEqual(64);
  if (lengthMs > 60_000) {
    expect(px).toBeLessThanOrEqual(160);
  }
});

test('labels are at full steps of the clock, and midnight has the day', async () => {
  inZone('Europe/Berlin');
  const midnight = new Date(2026, 10, 17).getTime();
  expect(await texts(midnight - HOUR - 5 * MINUTE, midnight + 35 * MINUTE, 30 * MINUTE)).toEqual([
    '23:00',
    '23:30',
    'Tue 17 Nov',
    '00:30',
  ]);
  expect(await texts(midnight + 3_500, midnight + 6_100, 1_000)).toEqual(['00:00:04', '00:00:05', '00:00:06']);
});

test('a repeated hour is labelled twice with its offset, on days of 25 and 23 hours', async () => {
  inZone('Europe/Berlin');
  const back = new Date(2026, 9, 25).getTime();
  expect(await texts(back + 1, back + 6 * HOUR, HOUR)).toEqual([
    '01:00',
    '02:00 +2',
    '02:00 +1',
    '03:00',
    '04:00',
    '05:00',
  ]);
  const onward = new Date(2026, 2, 29).getTime();
  expect(await texts(onward + 1, onward + 4 * HOUR, HOUR)).toEqual(['01:00', '03:00', '04:00', '05:00']);
  expect(await texts(back, back + 25 * HOUR - 1, 6 * HOUR)).toEqual(['Sun 25 Oct', '06:00', '12:00', '18:00']);
});

test('in zones with half-hour offsets, full hours are those of the zone', async () => {
  inZone('Asia/Kolkata');
  const noon = new Date(2026, 10, 17, 12).getTime();
  expect(await texts(noon - 1, noon + HOUR, HOUR)).toEqual(['12:00', '13:00']);
});

test('every second day is the same day for every window', async () => {
  inZone('Europe/Berlin');
  const day = 24 * HOUR;
  const from = new Date(2026, 10, 1).getTime();
  const all = (await ticksOf(from, from + 10 * day, 2 * day)).map(({ ms }) => ms);
  const later = (await ticksOf(from + 3 * day, from + 10 * day, 2 * day)).map(({ ms }) => ms);
  expect(all).toEqual(expect.arrayContaining(later));
  expect(all.length).toBe(5);
});

test('labels of any kind never overlap', () => {
  const wide = (at: number) => ({ at, isDay: false, half: 40 });
  expect(placeLabels([40, 104, 168, 232].map(wide), 300)).toEqual([40, undefined, 168, undefined]);
});

test.for([
  ['en-GB', 'minutes', '22:44'],
  ['en-US', 'minutes', '10:44 PM'],
  ['en-US', 'seconds', '10:44:44 PM'],
  ['zh-CN', 'seconds', '22:44:44'],
  ['zh-CN', 'weekday', '11 月 18 日周三'],
  ['zh-CN', 'day', '11 月 18 日'],
] as const)('the longest labels in %s for %s include %s', ([language, kind, text]) => {
  expect(widestLabels(kind, language)).toContain(text);
});

test('the step leaves room for the longest label of its kind', () => {
  expect(tickStep(1000 / 64, (step) => (labelKind(step, 'weekday') === 'seconds' ? 80 : 64))).toBe(2_000);
});

test('at the ends no label is clipped or overlaps: a day label moves inwards, its neighbour is dropped', () => {
  const label = (at: number, isDay = false) => ({ at, isDay, half: isDay ? 40 : 18 });
  const all = [label(10, true), label(70), label(130), label(190), label(290)];
  expect(placeLabels(all, 300)).toEqual([40, undefined, 130, 190, undefined]);
  expect(placeLabels([label(18), label(82), label(282)], 300)).toEqual([18, 82, 282]);
  expect(placeLabels([label(60, true), label(124, true), label(188, true)], 300)).toEqual([60, undefined, 188]);
  expect(placeLabels([label(-5, true), label(296, true), label(230)], 300)).toEqual([undefined, 260, undefined]);
});
