import { expect, test } from 'vitest';
import { A_LAW, A_LAW_UNUSED_BITS, MU_LAW, MU_LAW_UNUSED_BITS } from './decode.ts';

// ITU-T G.711 tables 1 and 2: ends of the scale, around zero, and a decision value in between.
test.for([
  ['the loudest positive', 0xaa, 32_256],
  ['the loudest negative', 0x2a, -32_256],
  ['the softest positive', 0xd5, 8],
  ['the softest negative', 0x55, -8],
  ['the first of the second segment', 0xc5, 264],
  ['the first of the third segment', 0xf5, 528],
] as const)('A-law: %s', ([, code, value]) => {
  expect(A_LAW[code]).toBe(value);
});

test.for([
  ['the loudest positive', 0x80, 32_124],
  ['the loudest negative', 0x00, -32_124],
  ['positive zero', 0xff, 0],
  ['negative zero', 0x7f, 0],
  ['the softest positive', 0xfe, 8],
  ['the first of the second segment', 0xef, 132],
] as const)('µ-law: %s', ([, code, value]) => {
  expect(MU_LAW[code]).toBe(value);
});

test.for([
  ['A-law', A_LAW, A_LAW_UNUSED_BITS],
  ['µ-law', MU_LAW, MU_LAW_UNUSED_BITS],
] as const)('%s is symmetric, rises within each sign and leaves its low bits unused', ([, table, unusedBits]) => {
  for (let code = 0; code < 0x80; code += 1) {
    expect(table[code]).toBe(-(table[code | 0x80] as number) || 0);
  }
  expect(table.every((value) => value % (1 << unusedBits) === 0)).toBe(true);
  expect(new Set(table).size).toBeGreaterThanOrEqual(255);
});
