import { expect, test } from 'vitest';
import { PictureIntervals } from './picture-intervals.ts';

/** Samples this many ticks apart. */
function heard(ticks: readonly number[], mayChange = true): PictureIntervals {
  const intervals = new PictureIntervals(mayChange);
  let dts = 0;
  intervals.add(dts);
  for (const interval of ticks) {
    dts += interval;
    intervals.add(dts);
  }
  return intervals;
}

const times = (ticks: number, count: number): number[] => Array(count).fill(ticks);

test('one pause or two do not change how long a picture is taken to be, the third of them does', () => {
  expect(heard([...times(40, 20), 250, 250]).usualTicks).toBe(40);
  expect(heard([...times(40, 20), 250, 250, 40, 250, 250]).usualTicks).toBe(40);
  expect(heard([...times(40, 20), 250, 900, 260]).usualTicks).toBe(250);
  expect(heard([...times(40, 20), 80, 80, 80]).usualTicks).toBe(80);
});

test('after the night, the third picture at a shorter interval sets the new rate', () => {
  expect(heard([...times(199, 20), 40, 40, 41]).usualTicks).toBe(41);
  expect(heard([...times(199, 20), 40, 40, 210, 40, 40]).usualTicks).toBeGreaterThan(100);
});

test('jitter in both directions is not another rate', () => {
  const { usualTicks } = heard(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 22 : 58)));
  expect(usualTicks).toBeGreaterThan(35);
  expect(usualTicks).toBeLessThan(45);
});

test('silence does not make audio frames longer', () => {
  expect(heard([...times(960, 20), ...times(9600, 10)], false).usualTicks).toBe(960);
});

test('a rate is steady when the newer half of the last pictures agrees with the older half', () => {
  expect(heard([40, 40]).steady()).toBeUndefined();
  expect(heard(times(40, 3)).steady()).toEqual({ typicalTicks: 40, meanTicks: 40 });
  expect(heard([...times(40, 30), ...times(52, 8)]).steady()).toBeUndefined();
  expect(heard([...times(40, 30), ...times(52, 16)]).steady()).toEqual({ typicalTicks: 52, meanTicks: 52 });
  expect(heard([...times(40, 30), ...times(250, 3)]).steady()).toEqual({ typicalTicks: 250, meanTicks: 250 });
});

test('a lost frame moves the mean but not the typical interval', () => {
  const { typicalTicks = 0, meanTicks = 0 } = heard([...times(40, 20), 80, ...times(40, 5)]).steady() ?? {};
  expect(typicalTicks).toBe(40);
  expect(meanTicks).toBeGreaterThan(42);
});
