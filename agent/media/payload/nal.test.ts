import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { hex, toHex } from '../../../test/support/media/units.ts';
import { decodeSprop, findStartCode, hasRecoveryPoint, readNalLength, trimZeros } from './nal.ts';

test.for([
  ['000001', 0],
  ['00000001', 1],
  ['67 42 000001 68', 2],
  ['67 00 42 00 00 00 01 68', 4],
  ['01 01 01', -1],
  ['0000', -1],
  ['0000 03 01', -1],
  ['', -1],
] as const)('the start code of "%s" is at %i', ([bytes, at]) => {
  expect(findStartCode(hex(bytes), 0, hex(bytes).length)).toBe(at);
});

test('every start code of random bytes is found, and nothing else', () => {
  const next = random(7);
  for (let round = 0; round < 2000; round += 1) {
    const bytes = Uint8Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 2.4));
    const text = String.fromCharCode(...bytes);
    expect(findStartCode(bytes, 0, bytes.length)).toBe(text.indexOf('\0\0\x01'));
  }
});

test('lengths are unsigned', () => {
  expect(readNalLength(hex('00 fffffffe'), 1)).toBe(4_294_967_294);
});

test('zero bytes at the end are not part of a NAL unit', () => {
  expect(trimZeros(hex('6742000000'), 0, 5)).toBe(2);
});

test.for([
  ['two sets', 'Z0LAHw==,aM4PyA==', ['6742c01f', '68ce0fc8']],
  ['blanks', ' Z0LAHw== , aM4PyA== ', ['6742c01f', '68ce0fc8']],
  ['an Annex B prefix', 'AAAAAWdCwB8=', ['6742c01f']],
  ['a set that is not base64', 'Z0L*,aM4PyA==', ['68ce0fc8']],
  ['nothing', '', []],
  ['empty sets', ',,', []],
] as const)('sprop sets with %s', ([, text, sets]) => {
  expect(decodeSprop(text).map(toHex)).toEqual(sets);
});

test.for([
  ['alone', '06 01 c4 80', true],
  ['after a buffering period', '00 02 aaaa 06 01 c4 80', true],
  ['after a long user message', `05 ff02 ${'ab'.repeat(257)} 06 01 c4 80`, true],
  ['of another type', '01 01 32 80', false],
  ['whose size runs out of the unit', '05 ff', false],
  ['of endless type', 'ffffffff', false],
  ['without bytes', '', false],
] as const)('a recovery point %s', ([, sei, found]) => {
  expect(hasRecoveryPoint(hex(sei), 0, hex(sei).length)).toBe(found);
});
