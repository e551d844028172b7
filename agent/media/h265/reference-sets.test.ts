import { expect, test } from 'vitest';
import { BitReader } from '../payload/bit-reader.ts';
import { indexBits, parseShortTermSets, parseSliceSet, type ShortTermSet } from './reference-sets.ts';

function readerOf(bits: string): BitReader {
  const text = `${bits.replaceAll(' ', '')}1`.padEnd(256, '0');
  return new BitReader(
    Uint8Array.from(text.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2)),
    0,
    32,
    false,
  );
}

const words = (set: ShortTermSet) => set.map(({ distance, isUsed }) => `${distance}${isUsed ? '' : ' kept'}`);

// Two before and one after; the second is only kept.
const EXPLICIT = '011 010  1 1  1 0  1 1';

test('a set names pictures by their distances, and whether this one may refer to them', () => {
  const [set = []] = parseShortTermSets(readerOf(`010 ${EXPLICIT}`));
  expect(words(set)).toEqual(['-1', '-2 kept', '1']);
});

test('a set is predicted from the previous one: all entries one picture earlier, and the picture that it was for', () => {
  // delta_rps -1: -1 becomes -2, kept but unused; -2 is dropped; 1 becomes the picture itself; the reference set's picture is -1, used.
  const sets = parseShortTermSets(readerOf(`011 ${EXPLICIT}  1 1 1  01  00  1  1`));
  expect(words(sets[1] ?? [])).toEqual(['-1', '-2 kept']);
});

test.for<[what: string, bits: string, expected: readonly string[]]>([
  ['the second of the three in the SPS', '1 01', ['-3']],
  ['one of its own', '0 0 010 1 00100 1', ['-4']],
  ['one made from the last but one', '0 1 010 1 1 1 1', ['-1', '-4']],
])('a slice header has %s', ([, bits, expected]) => {
  const sets: ShortTermSet[] = [-1, -3, -5].map((distance) => [{ distance, isUsed: true }]);
  expect(words(parseSliceSet(readerOf(bits), sets))).toEqual(expected);
});

test.for([
  [0, 0],
  [1, 0],
  [2, 1],
  [3, 2],
  [4, 2],
  [5, 3],
  [64, 6],
] as const)('one of %d is coded in %d bits', ([count, bits]) => {
  expect(indexBits(count)).toBe(bits);
});
