import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { BitReader } from './bit-reader.ts';

const reader = (bytes: string, isEscaped = false) => new BitReader(hex(bytes), 0, hex(bytes).length, isEscaped);

test.for([
  ['1', '80', 0],
  ['010', '40', 1],
  ['011', '60', 2],
  ['00100', '20', 3],
  ['000010000', '0800', 15],
  ['32 zeros, one, 32 zeros', '00000000 80000000 00', 2 ** 32 - 1],
  ['32 zeros, one, 32 ones', '00000000 ffffffff 80', 2 ** 33 - 2],
] as const)('ue(v) %s', ([, bytes, value]) => {
  expect(reader(bytes).ue()).toBe(value);
});

test.for([
  ['80', 0],
  ['40', 1],
  ['60', -1],
  ['20', 2],
  ['28', -2],
] as const)('se(v) of %s is %i', ([bytes, value]) => {
  expect(reader(bytes).se()).toBe(value);
});

test('32 bits are an unsigned number', () => {
  expect(reader('ffffffff').bits(32)).toBe(4_294_967_295);
});

test('emulation prevention bytes are left out of NAL units, also at the end', () => {
  const bits = reader('000003 01 000003 000003', true);
  expect([bits.bits(24), bits.bits(16), bits.bits(16)]).toEqual([1, 0, 0]);
  expect(() => bits.bits(1)).toThrow('bits end too early');
});

test('outside NAL units 00 00 03 is data', () => {
  expect(reader('000003').bits(24)).toBe(3);
});

test.for([
  ['a code of 33 zeros', '00000000 40'],
  ['a code without end', '0000'],
] as const)('rejects %s', ([, bytes]) => {
  expect(() => reader(bytes).ue()).toThrow(/exp-Golomb|bits end/);
});

test('a value beyond its limit is reported with name and limit', () => {
  expect(() => reader('08').ueUpTo(3, 'chroma_format_idc')).toThrow(/bits end/);
  expect(() => reader('0800').ueUpTo(3, 'chroma_format_idc')).toThrow('chroma_format_idc is 15, at most 3 allowed');
});
