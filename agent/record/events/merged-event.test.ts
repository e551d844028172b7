import { expect, test } from 'vitest';
import type { CameraEvent } from './event.ts';
import { mergedEvent } from './merged-event.ts';

const MOTION: CameraEvent = {
  ...{ id: 'e', path: 'gate', type: 'motion', source: 'camera', text: '' },
  ...{ startUs: 1_000_000, endUs: undefined },
};
const PERSON = { type: 'person', score: 0.9, box: { x: 0, y: 0, width: 1, height: 1 }, at: 2_000_000 } as const;

test('reports of an event give the same in any order', () => {
  const reports: CameraEvent[] = [
    MOTION,
    { ...MOTION, endUs: 4_000_000, zones: ['street'] },
    { ...MOTION, endUs: 3_000_000, labels: [] },
    { ...MOTION, startUs: 1_500_000, endUs: 4_000_000, labels: [PERSON], zones: ['door'] },
  ];
  const all = { ...MOTION, endUs: 4_000_000, labels: [PERSON], zones: ['door', 'street'] };
  for (const order of [reports, reports.toReversed(), [...reports.slice(2), ...reports.slice(0, 2)]]) {
    const merged = order.reduce<CameraEvent | undefined>((known, news) => mergedEvent(known, news), undefined);
    expect(merged).toEqual({ ...all, area: undefined });
  }
});

test('an id that is used again is another event, and its earlier use does not come back', () => {
  const later = { ...MOTION, startUs: 900_000_000 };
  expect(mergedEvent({ ...MOTION, labels: [PERSON] }, later)).toEqual(later);
  const earlier = { ...MOTION, endUs: 2_000_000, labels: [PERSON] };
  expect(mergedEvent(later, earlier)).toEqual(later);
});
