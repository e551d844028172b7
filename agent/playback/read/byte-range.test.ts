import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { matchesEtag, parseRange } from './send-ranged.ts';

test.for([
  ['bytes=0-1', { start: 0, end: 2 }],
  ['bytes=0-', { start: 0, end: 100 }],
  ['bytes=99-', { start: 99, end: 100 }],
  ['bytes=10-1000', { start: 10, end: 100 }],
  ['bytes=-10', { start: 90, end: 100 }],
  ['bytes=-1000', { start: 0, end: 100 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=100-200', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  [undefined, undefined],
  ['bytes=', undefined],
  ['bytes=-', undefined],
  ['bytes=5-4', undefined],
  ['bytes=0-1,5-6', undefined],
  ['items=0-1', undefined],
  ['bytes=a-b', undefined],
] as const)('%s of 100 bytes is %s', ([header, range]) => {
  expect(parseRange(header, 100)).toEqual(range);
});

test('a random range is within the download', () => {
  const next = random(2);
  const alphabet = 'bytes=-0123456789, ';
  for (let i = 0; i < 10_000; i += 1) {
    let header = 'bytes=';
    for (let k = 0; k < next() * 12; k += 1) {
      header += alphabet[Math.floor(next() * alphabet.length)];
    }
    const range = parseRange(header, 1_000);
    expect(typeof range !== 'object' || (range.start >= 0 && range.start < range.end && range.end <= 1_000)).toBe(true);
  }
});

test('a tag is found in a list, weak or not', () => {
  expect([
    matchesEtag('"a", W/"b"', '"b"'),
    matchesEtag('*', '"b"'),
    matchesEtag('"a"', '"b"'),
    matchesEtag(undefined, '"b"'),
  ]).toEqual([true, true, false, false]);
});
