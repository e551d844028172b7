import { expect, test } from 'vitest';
import { type Figure, factorOf, judge, median } from '../../bench/measure/figure.ts';

const figure: Figure = { name: 'x', unit: 'ms', goal: 100, isAbsolute: true, about: '', measure: async () => [] };

test('the median of an odd and of an even number of runs', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test('an absolute figure is scaled to the nominal machine, a ratio is not', () => {
  const twice = { time: 2, cpuTime: 1 };
  expect(judge(figure, [150, 180, 160], twice)).toMatchObject({ value: 160, min: 150, max: 180, ok: true });
  expect(judge(figure, [150, 180, 160], { time: 1, cpuTime: 1 }).ok).toBe(false);
  expect(judge({ ...figure, isAbsolute: false }, [150], twice).ok).toBe(false);
});

test('processor time is not excused by other programs that delay it', () => {
  const busy = { time: 8, cpuTime: 1.1 };
  expect(judge(figure, [150], busy).ok).toBe(true);
  expect(judge({ ...figure, isCpuTime: true }, [150], busy).ok).toBe(false);
  expect(factorOf({ ...figure, isCpuTime: true }, busy)).toBe(1.1);
});
