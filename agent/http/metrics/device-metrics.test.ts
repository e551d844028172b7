import { expect, test } from 'vitest';
import { type DeviceFacts, type FeatureMetric, writeDevice } from './device-metrics.ts';
import { MetricsText } from './metrics-text.ts';

const NOTHING: DeviceFacts = {
  ...{ version: 'v1', wallMs: () => 0, uptimeMs: () => 0, diskStates: [], disks: () => [], losses: () => [] },
  loopDelay: () => ({ meanMs: 0, p99Ms: 0, maxMs: 0 }),
  ...{ hooks: () => [], features: () => [] },
};
const METRICS: readonly FeatureMetric[] = [
  ['runs_total', 'counter', 'Runs.', 7],
  ['moves', 'gauge', 'Moves.', 1, [['path', 'door']]],
  ['moves', 'gauge', 'Moves.', 0, [['path', 'yard/"back']]],
];

/** The lines of features. */
function written(only: string): readonly string[] {
  const text = new MetricsText(true);
  writeDevice(text, { ...NOTHING, features: () => METRICS }, [], only);
  return String(text)
    .split('\n')
    .filter((line) => /perch_(?:runs|moves)/.test(line));
}

test('a metric of a feature is described once, with a line for each of its labels', () => {
  expect(written('')).toEqual([
    '# HELP perch_runs_total Runs.',
    '# TYPE perch_runs_total counter',
    'perch_runs_total 7',
    '# HELP perch_moves Moves.',
    '# TYPE perch_moves gauge',
    'perch_moves{path="door"} 1',
    'perch_moves{path="yard/\\"back"} 0',
  ]);
});

test('metrics of one path have the line of this path, also those of features', () => {
  expect(written('door')).toEqual([
    '# HELP perch_moves Moves.',
    '# TYPE perch_moves gauge',
    'perch_moves{path="door"} 1',
  ]);
  expect(written('gate')).toEqual([]);
});
