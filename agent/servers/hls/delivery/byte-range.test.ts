import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { byteRange, slicePieces } from './send.ts';

test.for([
  [undefined, undefined],
  ['bytes=0-1', { start: 0, end: 2 }],
  ['bytes=0-', { start: 0, end: 100 }],
  ['bytes=90-200', { start: 90, end: 100 }],
  ['bytes=-10', { start: 90, end: 100 }],
  ['bytes=-200', { start: 0, end: 100 }],
  ['bytes=99-99', { start: 99, end: 100 }],
  ['bytes=100-', 'outside'],
  ['bytes=-0', 'outside'],
  ['bytes=5-4', undefined],
  ['bytes=-', undefined],
  ['bytes=0-1,3-4', undefined],
  ['items=0-1', undefined],
  ['bytes=0x1-', undefined],
] as const)('of 100 bytes, %s is %o', ([header, range]) => {
  expect(byteRange(header, 100)).toEqual(range);
});

test('a range returns its bytes, for any slices', () => {
  const next = random(17);
  for (let i = 0; i < 200; i += 1) {
    const pieces = Array.from({ length: 1 + Math.floor(next() * 5) }, () =>
      Uint8Array.from({ length: Math.floor(next() * 9) }, () => next() * 256),
    );
    const whole = Buffer.concat(pieces);
    const start = Math.floor(next() * whole.length);
    const end = start + Math.floor(next() * (whole.length - start + 1));
    expect(Buffer.concat(slicePieces(pieces, { start, end }))).toEqual(whole.subarray(start, end));
  }
});
