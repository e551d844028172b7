import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { findStreamMark, type StreamMark, writeStreamMark } from './stream-mark.ts';

const mark: StreamMark = {
  streamId: '00112233445566778899aabbccddeeff',
  segmentNumber: 7,
  dtsUs: 12_345_678.5,
  wallUs: 1_782_909_296_789_012,
};

test('a mark has the layout that MediaMTX reads', () => {
  const hex = Buffer.from(writeStreamMark(mark)).toString('hex');
  expect(hex).toBe(
    `00000034${Buffer.from('mtxi').toString('hex')}00000000${mark.streamId}0000000000000007` +
      `${12_345_678_500n.toString(16).padStart(16, '0')}${1_782_909_296_789_012_000n.toString(16).padStart(16, '0')}`,
  );
});

test('a mark is found after other boxes of user data', () => {
  const other = Uint8Array.of(0, 0, 0, 9, 0x6e, 0x61, 0x6d, 0x65, 1);
  const userData = Uint8Array.from([...other, ...writeStreamMark(mark)]);
  expect(findStreamMark(userData)).toEqual(mark);
});

test('user data without a mark, or truncated, yields none', () => {
  expect(findStreamMark(undefined)).toBeUndefined();
  expect(findStreamMark(new Uint8Array(0))).toBeUndefined();
  expect(findStreamMark(writeStreamMark(mark).subarray(0, 40))).toBeUndefined();
});

test('damaged user data results in a mark, none, or a PerchError', () => {
  const next = random(3);
  for (let i = 0; i < 5_000; i += 1) {
    const bytes = writeStreamMark(mark).slice(0, Math.floor(next() * 60));
    for (let k = 0; k < 3; k += 1) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    try {
      findStreamMark(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
