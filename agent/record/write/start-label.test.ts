import { expect, test } from 'vitest';
import { StartLabel } from './start-label.ts';

const FRAME_MS = 40;

/** The label of a file whose samples are captured this much later than their media time, in milliseconds. */
function labelOf(drifts: readonly number[], frameMs = FRAME_MS): { label: StartLabel; burstSamples: number } {
  const label = new StartLabel();
  let burstSamples = 0;
  for (const [i, drift] of drifts.entries()) {
    if (i > 0) {
      label.push(drift - (drifts[i - 1] as number), frameMs);
    }
    burstSamples += label.isInBurst ? 1 : 0;
  }
  return { label, burstSamples };
}

const burst = (samples: number, frameMs = FRAME_MS) => Array.from({ length: samples }, (_, i) => -i * frameMs);
const steady = (samples: number, driftMs = 0) => Array.from({ length: samples }, () => driftMs);

test.for<[what: string, drifts: readonly number[], earlierMs: number]>([
  ['live samples', steady(50), 0],
  ['two seconds at once', [...burst(51), ...steady(20, -2_000)], 2_000],
  ['one old picture', [0, ...steady(20, -1_960)], 1_960],
  [
    'a pause within the burst',
    [...burst(26), -1_000, -1_000, -1_000, ...burst(26).map((ms) => ms - 1_000), ...steady(20, -2_000)],
    2_000,
  ],
  ['pictures out of their order', Array.from({ length: 60 }, (_, i) => [0, -80, 0, 40][i % 4] as number), 0],
  ['a first sample that came late', [0, ...steady(50, -90)], 90],
])('the first of %s was captured earlier by %d ms', ([, drifts, earlierMs]) => {
  const { label } = labelOf(drifts);
  expect(label.earlierMs).toBe(earlierMs);
  expect(label.isInBurst).toBe(false);
});

test('the label waits for a burst and half a second more', () => {
  expect(labelOf(steady(50)).burstSamples).toBe(0);
  const { burstSamples } = labelOf([...burst(51), ...steady(50, -2_000)]);
  expect(burstSamples).toBeGreaterThan(50);
  expect(burstSamples * FRAME_MS).toBeLessThan(2_800);
});

test('a camera with one picture a second', () => {
  expect(labelOf([...burst(4, 1_000), ...steady(6, -3_000)], 1_000).label.earlierMs).toBe(3_000);
});

test('after the first part neither samples nor a clock jump change the label', () => {
  const { label } = labelOf(burst(5));
  const { earlierMs } = label;
  expect(label.push(-6_000, FRAME_MS)).toBeUndefined();
  expect(label.finish()).toBe(true);
  expect(label.finish()).toBe(false);
  expect(label.push(-40, FRAME_MS)).toBeUndefined();
  expect(label.earlierMs).toBe(earlierMs);
});
