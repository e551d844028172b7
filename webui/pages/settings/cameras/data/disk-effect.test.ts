import { expect, test } from 'vitest';
import { NO_LIMIT } from './camera-settings.ts';
import { diskEffect } from './disk-effect.ts';

const GB = 1e9;
/** 10 GB a day; 20 days fit. */
const USE = {
  ...{ path: 'cam', title: null, configured: true, files: 1, bytes: GB },
  ...{ bytesPerDay: 10 * GB, reachesBackDays: 1, wantedDays: null, fitsDays: 20 },
};
const TWICE = { maxBytes: NO_LIMIT, beforeKbps: 1000, afterKbps: 2000 };

test('twice the bit rate of the only camera takes twice the space and keeps half of the days', () => {
  const effect = diskEffect({ use: USE, totalPerDay: 10 * GB, ...TWICE });
  expect(effect).toEqual({ before: { perDay: 10 * GB, days: 20 }, after: { perDay: 20 * GB, days: 10 } });
});

test('the other cameras on the disk take their share', () => {
  expect(diskEffect({ use: USE, totalPerDay: 40 * GB, ...TWICE })?.after).toEqual({ perDay: 20 * GB, days: 16 });
});

test('no more days are kept than the camera is to keep', () => {
  const use = { ...USE, wantedDays: 14 };
  expect(diskEffect({ use, totalPerDay: 10 * GB, ...TWICE })).toMatchObject({
    before: { days: 14 },
    after: { days: 10 },
  });
  expect(diskEffect({ use, totalPerDay: 10 * GB, ...TWICE, afterKbps: 500 })?.after.days).toBe(14);
});

test('a camera with a limit of its own shares it with no other', () => {
  const facts = { use: USE, totalPerDay: 1000 * GB, ...TWICE, maxBytes: 200 * GB };
  expect(diskEffect(facts)?.after.days).toBe(10);
});

test('a limit that is not reached yet may be reached then', () => {
  const facts = { use: { ...USE, fitsDays: 8 }, totalPerDay: 1000 * GB, ...TWICE, maxBytes: 100 * GB };
  expect(diskEffect(facts)?.after.days).toBe(5);
});

test('days are unknown while the disk has no forecast', () => {
  const facts = { use: { ...USE, fitsDays: null }, totalPerDay: null, ...TWICE, afterKbps: 500 };
  expect(diskEffect(facts)?.after).toEqual({ perDay: 5 * GB, days: undefined });
});

test.for([
  ['a camera that records nothing', undefined, 1000],
  ['one that has recorded for less than ten minutes', { ...USE, bytesPerDay: null }, 1000],
  ['one that does not state its bit rate', USE, 0],
] as const)('unknown for %s', ([, use, beforeKbps]) => {
  expect(diskEffect({ use, totalPerDay: GB, ...TWICE, beforeKbps })).toBeUndefined();
});
