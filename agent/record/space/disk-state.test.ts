import { expect, test } from 'vitest';
import { type DiskStateName, type SpaceFacts, spaceState, stopBytesOf } from './disk-state.ts';

const GIB = 2 ** 30;
const facts = (freePercent: number, more: Partial<SpaceFacts> = {}): SpaceFacts => ({
  totalBytes: 100 * GIB,
  freeBytes: freePercent * GIB,
  minFreeBytes: 0,
  stopBytes: stopBytesOf(100 * GIB, more.minFreeBytes ?? 0),
  fullInDays: undefined,
  stuck: undefined,
  slowdown: undefined,
  wasRefused: false,
  ...more,
});

test.for<[number, DiskStateName, DiskStateName]>([
  [50, 'ok', 'ok'],
  [1.01, 'ok', 'ok'],
  [0.99, 'ok', 'nearlyFull'],
  [1.2, 'nearlyFull', 'nearlyFull'],
  [1.2, 'full', 'nearlyFull'],
  [1.6, 'nearlyFull', 'ok'],
  [0, 'ok', 'nearlyFull'],
])('with %d %% free a disk that was %s is %s', ([freePercent, before, state]) => {
  expect(spaceState(facts(freePercent), before).name).toBe(state);
});

test('keeping less than one percent free does not stop at one percent', () => {
  expect(stopBytesOf(100 * GIB, 0)).toBe(GIB);
  expect(stopBytesOf(100 * GIB, 10 * GIB)).toBe(GIB);
  expect(stopBytesOf(100 * GIB, GIB / 2)).toBe(GIB / 4);
});

test('what fills the disk within 15 s is kept free, but no more than half of the reserved space', () => {
  expect(stopBytesOf(10 * GIB, GIB, GIB / 60)).toBe(GIB / 4);
  expect(stopBytesOf(10 * GIB, GIB, GIB)).toBe(GIB / 2);
  expect(stopBytesOf(10 * GIB, GIB, 1_000)).toBe(Math.floor(GIB / 10));
  expect(stopBytesOf(10 * GIB, 0, GIB)).toBe(Math.floor(GIB / 10));
});

test('a disk that fills up is announced a week ahead, with the time left and advice', () => {
  expect(spaceState(facts(50, { fullInDays: 8 }), 'ok').name).toBe('ok');
  expect(spaceState(facts(50, { fullInDays: 3.4 }), 'ok')).toEqual({
    name: 'filling',
    text: "at today's rate the disk is full in 3 days: free space or set recordMinFree",
  });
  expect(spaceState(facts(50, { fullInDays: 0.4 }), 'ok').text).toContain('full within a day');
  expect(spaceState(facts(50, { fullInDays: 1.4 }), 'ok').text).toContain('full in 1 day:');
  // Around the week it does not come and go.
  expect(spaceState(facts(50, { fullInDays: 7.5 }), 'filling').name).toBe('filling');
});

test('a state explains why nothing can be deleted', () => {
  const stuck = 'nothing more can be deleted, 3 recordings are protected';
  expect(spaceState(facts(8, { minFreeBytes: 10 * GIB, stuck }), 'ok')).toEqual({
    name: 'filling',
    text: `too little space is free, 8G of 100G are free: ${stuck}`,
  });
  expect(spaceState(facts(0.5, { minFreeBytes: 10 * GIB, stuck }), 'ok').text).toBe(
    `recording has stopped, 512M of 100G are free: ${stuck}`,
  );
  expect(spaceState(facts(0.5), 'ok').text).toContain('free space or set recordMinFree');
});

test('with recordMinFree set the advice does not mention it', () => {
  const set = { minFreeBytes: 10 * GIB };
  expect(spaceState(facts(50, { ...set, fullInDays: 3.4 }), 'ok').text).toContain('set a larger recordMinFree');
  expect(spaceState(facts(50, { ...set, wasRefused: true }), 'ok').text).toBe(
    'the disk rejected a write, 50G of 100G are free: check for a quota, or set a larger recordMinFree',
  );
  expect(spaceState(facts(9, { ...set, wasRefused: true }), 'ok').text).toContain('old recordings are being deleted');
});

test('a rejected write means a full disk, however much seems free', () => {
  expect(spaceState(facts(40, { wasRefused: true }), 'ok').name).toBe('full');
});
