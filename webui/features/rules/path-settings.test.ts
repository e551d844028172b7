import { expect, test } from 'vitest';
import { recordsAlways, zonesFor } from './path-settings.ts';

const PATH = { name: 'gate', motionZones: ['Drive: 0,0 1,0 1,1', '0,0 1,0 1,1'] };
const BY_STREAM = { ...PATH, motionSource: 'stream' };

test.for([
  ['motion', BY_STREAM, ['Drive', 'Zone 2']],
  ['car', { ...PATH, motionSource: 'both' }, ['Drive', 'Zone 2']],
  ['person', { ...PATH, motionSource: 'camera', objects: ['person'] }, ['Drive', 'Zone 2']],
  ['person', { ...PATH, motionSource: 'camera', objects: [] }, []],
  ['motion', PATH, []],
  ['doorbell', BY_STREAM, []],
  ['sound', BY_STREAM, []],
  [undefined, BY_STREAM, []],
  ['motion', undefined, []],
] as const)('zones are offered for what is found in the pictures: %s', ([kind, path, zones]) => {
  expect(zonesFor(kind, path)).toEqual(zones);
});

test('a path that records around events does not record always', () => {
  expect(['always', true, 'motion', 'no', false].map((record) => recordsAlways({ name: 'gate', record }))).toEqual([
    ...[true, true],
    ...[false, false, false],
  ]);
});
