import { expect, test } from 'vitest';
import { childrenOf, uint64, viewOf } from '../box/walk.ts';
import { MFRO_BYTES, mfraSize, writeMfra } from './mfra.ts';

const entry = (time: number, moofOffset: number) => ({ time, moofOffset, traf: 1, trun: 1, sample: 1 });
const index = writeMfra([
  { trackId: 1, entries: [entry(0, 700), entry(2 ** 33, 2 ** 40)] },
  { trackId: 2, entries: [] },
]);

/** The tables of a whole `mfra` with 64-bit times and 32-bit numbers (ISO/IEC 14496-12 §8.8.9, §8.8.10). */
function parseMfra(bytes: Uint8Array) {
  const view = viewOf(bytes);
  const tables = childrenOf(view, { type: 0, start: 0, bodyStart: 8, end: bytes.length }).slice(0, -1);
  return tables.map(({ bodyStart }) => {
    const entries = Array.from({ length: view.getUint32(bodyStart + 12) }, (_, i) => bodyStart + 16 + i * 28);
    return {
      trackId: view.getUint32(bodyStart + 4),
      times: entries.map((at) => uint64(view, at)),
      moofOffsets: entries.map((at) => uint64(view, at + 8)),
    };
  });
}

test('an index is found from the end of the file and read back', () => {
  expect(mfraSize(index.subarray(-MFRO_BYTES))).toBe(index.length);
  expect(parseMfra(index)).toEqual([
    { trackId: 1, times: [0, 2 ** 33], moofOffsets: [700, 2 ** 40] },
    { trackId: 2, times: [], moofOffsets: [] },
  ]);
});

test('a file without an index yields none', () => {
  expect(mfraSize(new Uint8Array(MFRO_BYTES))).toBeUndefined();
  expect(mfraSize(new Uint8Array(3))).toBeUndefined();
});
