import { expect, test } from 'vitest';
import type { StorageUse } from '../../../../api-client/api-types.ts';
import { NO_LIMIT } from './camera-settings.ts';
import { effectText } from './effect-text.ts';
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
