import { expect, test } from 'vitest';
import { parseZones } from '../../../agent/config/values/polygon.ts';
import { boundsOf, type Shape } from '../../cameras/mask-shape.ts';
import {
  motionKeys,
  motionOf,
  newArea,
  newZoneName,
  scoreWith,
  typedName,
  withMoreCorners,
  withoutZone,
} from './motion-data.ts';

test('without keys motion comes from the camera', () => {
  expect(motionOf({})).toEqual({
    ...{ source: 'camera', sensitivity: 50, zones: [], masks: [], minSize: 0, hours: '' },
  });
  expect(motionOf({ motionSource: 'both', motionSensitivity: 0 })).toMatchObject({
    source: 'both',
    sensitivity: 0,
  });
});

test('the keys of the configuration come back from the form', () => {
  const keys = {
    motionSource: 'stream',
    ...{ motionSensitivity: 60, motionMinSize: 0.01, motionHours: '22:00-06:00' },
    motionZones: ['0.1,0.2 0.5,0.2 0.5,0.9', 'Drive (front): 0,0 1,0 1,1 0,1'],
    motionMasks: ['0.1234,0 1,0.5 0.25,1'],
  } as const;
  expect(motionKeys(motionOf({ ...keys }))).toEqual(keys);
  expect(motionKeys({ hours: '' })).toEqual({ motionHours: '' });
  const [first, drive] = motionOf({ ...keys }).zones;
  expect([first?.name, drive?.name]).toEqual(['', 'Drive (front)']);
});

test('a name that is typed has what the configuration takes', () => {
  const { zones } = motionOf({ motionZones: ['0,0 1,0 1,1'] });
  const saved = (name: string) => motionKeys({ zones: zones.map((zone) => ({ ...zone, name: typedName(name) })) });
  expect(saved(' Drive, left: 1\n ')).toEqual({ motionZones: ['Drive left 1: 0,0 1,0 1,1'] });
  expect(saved(' , ')).toEqual({ motionZones: ['0,0 1,0 1,1'] });
  expect(typedName('x'.repeat(40))).toHaveLength(32);
});

test('a zone that goes, and one that comes, leave the others what events call them', () => {
  const areas = ['0,0 1,0 1,1', '0,0 1,0 0.5,1', 'Drive: 0,0 1,0 0,1', '0,0 0.5,0 1,1'];
  const { zones } = motionOf({ motionZones: areas });
  const calledOf = (all: typeof zones) =>
    parseZones(motionKeys({ zones: all }).motionZones ?? []).map(({ name }) => name);
  expect(calledOf(zones)).toEqual(['Zone 1', 'Zone 2', 'Drive', 'Zone 4']);
  const left = withoutZone(zones, 1);
  expect(calledOf(left)).toEqual(['Zone 1', 'Drive', 'Zone 4']);
  expect(calledOf(withoutZone(zones, 0))).toEqual(['Zone 2', 'Drive', 'Zone 4']);
  const withOne = (all: typeof zones) => [...all, { name: newZoneName(all), shape: zones[0]?.shape ?? [] }];
  expect(calledOf(withOne(left))).toEqual(['Zone 1', 'Drive', 'Zone 4', 'Zone 5']);
  // One that is called by its place needs no name.
  expect([newZoneName(zones), newZoneName([])]).toEqual(['', '']);
});

test('a further corner is in the middle of the longest edge', () => {
  const [first, ...rest] = motionOf({ motionZones: ['0,0 0.5,0 0.5,0.9'] }).zones;
  expect(rest).toEqual([]);
  expect(withMoreCorners(first?.shape ?? [])).toEqual([
    [0, 0],
    [0.5, 0],
    [0.5, 0.9],
    [0.25, 0.45],
  ]);
});

test('the score is shown for the sensitivity that is chosen, before it is saved', () => {
  expect(scoreWith(0.5, 50, 50)).toBe(0.5);
  expect(scoreWith(0.5, 50, 90)).toBe(1);
  expect(scoreWith(1, 90, 50)).toBe(0.5);
});

test('a new area is in the middle of the picture, and beside those that are there as long as there is room', () => {
  const areas: Shape[] = [];
  for (let i = 0; i < 9; i += 1) {
    areas.push(newArea(areas));
  }
  expect(boundsOf(areas[0] ?? [])).toMatchObject({ x: 0.35, y: 0.35 });
  expect(new Set(areas.map((area) => boundsOf(area)).map(({ x, y }) => `${x} ${y}`)).size).toBe(9);
  expect(newArea(areas)).toEqual(areas[0]);
});
