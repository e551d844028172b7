import { expect, test } from 'vitest';
import type { StorageUse } from '../../../../api-client/api-types.ts';
import { NO_LIMIT } from './camera-settings.ts';
import { diskEffect, effectText } from './effect-text.ts';
import { NO_VIDEO, valuesOf } from './video-settings.ts';

const GB = 1e9;
const RECORDED = { name: 'cam', recording: { active: true, error: null, why: null, since: null } };
const USE: StorageUse = {
  ...{ bytes: GB, bytesPerDay: 10 * GB, reachesBackDays: 1 },
  items: [
    {
      ...{ path: 'cam', title: null, configured: true, files: 1, bytes: GB, bytesPerDay: 10 * GB },
      ...{ reachesBackDays: 1, wantedDays: 30, fitsDays: 20 },
    },
  ],
};
const FACTS = { path: RECORDED, use: USE, maxBytes: NO_LIMIT };
const VIDEO = { ...NO_VIDEO, encoder: { ...NO_VIDEO.encoder, bitrateKbps: 1000 } };
const at = (bitrateKbps: number) => ({ ...valuesOf(VIDEO), bitrateKbps });

test.for([
  [2000, 'Recordings take about 20 GB a day instead of 10 GB. Recordings of about 10 days fit instead of 20 days.'],
  [20_000, 'Recordings take about 200 GB a day instead of 10 GB. Recordings of about 1 day fit instead of 20 days.'],
  [1000, 'The bit rate and disk use stay the same.'],
] as const)('at %i kbit/s the form says: %s', ([bitrateKbps, text]) => {
  expect(effectText(FACTS, VIDEO, at(bitrateKbps))).toBe(text);
});

test('the days that the camera is to keep stay, if they still fit', () => {
  const [own] = USE.items;
  const use = { ...USE, items: own ? [{ ...own, wantedDays: 7 }] : [] };
  expect(effectText({ ...FACTS, use }, VIDEO, at(2000))).toBe(
    'Recordings take about 20 GB a day instead of 10 GB. Recordings of 7 days still fit.',
  );
});

test('nothing is claimed that is not known', () => {
  expect(effectText({ ...FACTS, path: { name: 'cam', recording: null } }, VIDEO, at(2000))).toMatch(/not recorded/);
  expect(effectText(FACTS, NO_VIDEO, at(2000))).toMatch(/does not report its bit rate/);
  expect(effectText({ ...FACTS, use: { ...USE, items: [] } }, VIDEO, at(2000))).toMatch(/after ten minutes/);
});

/** 10 GB a day; 20 days fit. */
const CAMERA_USE = {
  ...{ path: 'cam', title: null, configured: true, files: 1, bytes: GB },
  ...{ bytesPerDay: 10 * GB, reachesBackDays: 1, wantedDays: null, fitsDays: 20 },
};
const TWICE = { maxBytes: NO_LIMIT, beforeKbps: 1000, afterKbps: 2000 };

test('twice the bit rate of the only camera takes twice the space and keeps half of the days', () => {
  const effect = diskEffect({ use: CAMERA_USE, totalPerDay: 10 * GB, ...TWICE });
  expect(effect).toEqual({ before: { perDay: 10 * GB, days: 20 }, after: { perDay: 20 * GB, days: 10 } });
});

test('the other cameras on the disk take their share', () => {
  expect(diskEffect({ use: CAMERA_USE, totalPerDay: 40 * GB, ...TWICE })?.after).toEqual({ perDay: 20 * GB, days: 16 });
});

test('no more days are kept than the camera is to keep', () => {
  const use = { ...CAMERA_USE, wantedDays: 14 };
  expect(diskEffect({ use, totalPerDay: 10 * GB, ...TWICE })).toMatchObject({
    before: { days: 14 },
    after: { days: 10 },
  });
  expect(diskEffect({ use, totalPerDay: 10 * GB, ...TWICE, afterKbps: 500 })?.after.days).toBe(14);
});

test('a camera with a limit of its own shares it with no other', () => {
  const facts = { use: CAMERA_USE, totalPerDay: 1000 * GB, ...TWICE, maxBytes: 200 * GB };
  expect(diskEffect(facts)?.after.days).toBe(10);
});

test('a limit that is not reached yet may be reached then', () => {
  const facts = { use: { ...CAMERA_USE, fitsDays: 8 }, totalPerDay: 1000 * GB, ...TWICE, maxBytes: 100 * GB };
  expect(diskEffect(facts)?.after.days).toBe(5);
});

test('days are unknown while the disk has no forecast', () => {
  const facts = { use: { ...CAMERA_USE, fitsDays: null }, totalPerDay: null, ...TWICE, afterKbps: 500 };
  expect(diskEffect(facts)?.after).toEqual({ perDay: 5 * GB, days: undefined });
});

test.for([
  ['a camera that records nothing', undefined, 1000],
  ['one that has recorded for less than ten minutes', { ...CAMERA_USE, bytesPerDay: null }, 1000],
  ['one that does not state its bit rate', CAMERA_USE, 0],
] as const)('unknown for %s', ([, use, beforeKbps]) => {
  expect(diskEffect({ use, totalPerDay: GB, ...TWICE, beforeKbps })).toBeUndefined();
});
