import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { writeMfra } from '../write/mfra.ts';
import { MFRO_BYTES, mfraSize, parseMfra } from './read-mfra.ts';

const entry = (time: number, moofOffset: number) => ({ time, moofOffset, traf: 1, trun: 1, sample: 1 });
const index = writeMfra([
  { trackId: 1, entries: [entry(0, 700), entry(2 ** 33, 2 ** 40)] },
  { trackId: 2, entries: [] },
]);

test('an index is found from the end of the file and read back', () => {
  expect(mfraSize(index.subarray(-MFRO_BYTES))).toBe(index.length);
  expect(parseMfra(index)).toEqual([
    { trackId: 1, times: [0, 2 ** 33], moofOffsets: [700, 2 ** 40] },
    { trackId: 2, times: [], moofOffsets: [] },
  ]);
});

test('an index with small fields is read', () => {
  const hex = '00000033 6d667261 0000001b 74667261 00000000 00000007 00000000 00000001 0000000a 00000064 010101';
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  bytes.writeUInt32BE(35, 8);
  const whole = Buffer.concat([bytes.subarray(0, 8), Buffer.from('00000023', 'hex'), bytes.subarray(12)]);
  whole.writeUInt32BE(whole.length, 0);
  expect(parseMfra(whole)).toEqual([{ trackId: 7, times: [10], moofOffsets: [100] }]);
});

test('a file without an index has none', () => {
  expect(mfraSize(new Uint8Array(MFRO_BYTES))).toBeUndefined();
  expect(mfraSize(new Uint8Array(3))).toBeUndefined();
  expect(parseMfra(new Uint8Array(0))).toEqual([]);
});

test('a broken index gives lists or a PerchError', () => {
  const next = random(9);
  for (let i = 0; i < 5_000; i += 1) {
    const bytes = index.slice(0, Math.ceil(next() * index.length));
    for (let k = 0; k < 3; k += 1) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    try {
      parseMfra(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
