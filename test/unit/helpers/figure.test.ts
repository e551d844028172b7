import { expect, test } from 'vitest';
import { type Figure, judge, median } from '../../bench/measure/figure.ts';

const figure: Figure = { name: 'x', unit: 'ms', goal: 100, isAbsolute: true, about: '', measure: async () => [] };

test('the median of an odd and of an even number of runs', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test('an absolute figure is scaled to the nominal machine, a ratio is not', () => {
  expect(judge(figure, [150, 180, 160], 2)).toMatchObject({ value: 160, min: 150, max: 180, ok: true });
  expect(judge(figure, [150, 180, 160], 1).ok).toBe(false);
  expect(judge({ ...figure, isAbsolute: false }, [150], 2).ok).toBe(false);
});
