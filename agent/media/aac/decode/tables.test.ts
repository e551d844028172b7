import { expect, test } from 'vitest';
import { bandLayout } from './bands.ts';
import { SCALE_FACTOR_BOOK, SPECTRAL_BOOKS } from './codebooks.ts';
import { WINDOWS } from './filterbank.ts';

const SYMBOLS = [81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289];

test.for([...SPECTRAL_BOOKS.map((book, i) => [book, SYMBOLS[i]] as const), [SCALE_FACTOR_BOOK, 121] as const])(
  'a codebook (%#) has a code for each symbol, and no unused codes',
  ([{ codesOfLength, symbols }, count]) => {
    expect([...symbols].sort((a, b) => a - b)).toEqual(Array.from({ length: count ?? 0 }, (_, i) => i));
    expect(codesOfLength.reduce((sum, codes, i) => sum + codes / 2 ** (i + 1), 0)).toBe(1);
    expect(codesOfLength.reduce((sum, codes) => sum + codes)).toBe(count);
  },
);

test.for([
  [96_000, 41, 12],
  [88_200, 41, 12],
  [64_000, 47, 12],
  [48_000, 49, 14],
  [44_100, 49, 14],
  [32_000, 51, 14],
  [24_000, 47, 15],
  [22_050, 47, 15],
  [16_000, 43, 15],
  [12_000, 43, 15],
  [11_025, 43, 15],
  [8_000, 40, 15],
  [7_350, 40, 15],
] as const)('at %i Hz long windows have %i bands and short ones %i', ([rateHz, long, short]) => {
  const layout = bandLayout(rateHz);
  expect([layout.long.length - 1, layout.short.length - 1]).toEqual([long, short]);
  expect([layout.long.at(-1), layout.short.at(-1)]).toEqual([1024, 128]);
  expect([...layout.long, ...layout.short].every((border) => border % 4 === 0)).toBe(true);
});

test('a rate without index uses the bands of the nearest', () => {
  expect(bandLayout(15_000)).toEqual(bandLayout(16_000));
  expect(bandLayout(46_000)).toEqual(bandLayout(44_100));
});

test.for(WINDOWS)('the halves of window shape %# add up to one in power where they overlap', (halves) => {
  for (const half of [halves.long, halves.short, halves.edge]) {
    const error = half.map((value, i) => Math.abs(value ** 2 + (half.at(-1 - i) as number) ** 2 - 1));
    expect(Math.max(...error)).toBeLessThan(1e-12);
  }
});
