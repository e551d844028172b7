import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { ReplayExtension } from './replay-extension.ts';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
/** 2026-03-01T12:00:00.5Z. */
const TIME = 'ed4ea8c0 80000000';
const HEAD = '90 60 0001 00000000 11223344';

test.for([
  ['a key picture', `${HEAD} abac 0003 ${TIME} 80 05 0000 65`, { isClean: true, isTerminal: false }],
  ['the last picture', `${HEAD} abac 0003 ${TIME} 50 05 0000 41`, { isSectionEnd: true, isTerminal: true }],
  ['a picture after a hole', `${HEAD} abac 0003 ${TIME} a0 05 0000 65`, { isClean: true, isDiscontinuity: true }],
  ['a longer extension, for JPEG', `${HEAD} abac 0004 ${TIME} 80 05 0000 ffd80000 00`, { isClean: true }],
  ['after a CSRC', `91 60 0001 00000000 11223344 00000001 abac 0003 ${TIME} 80 05 0000 65`, { isClean: true }],
] as const)('%s has its time and flags', ([, hex, flags]) => {
  const extension = new ReplayExtension();
  const bytes = bytesOf(hex);
  expect(extension.parse(bytes, 0, bytes.length)).toBe(true);
  expect(extension.unixMs).toBe(Date.UTC(2026, 2, 1, 12) + 500);
  expect(extension).toMatchObject(flags);
});

test('times after 2036 are of the next NTP era', () => {
  const bytes = bytesOf(`${HEAD} abac 0003 00000010 00000000 80 05 0000 65`);
  const extension = new ReplayExtension();
  expect(extension.parse(bytes, 0, bytes.length)).toBe(true);
  expect(new Date(extension.unixMs).toISOString()).toBe('2036-02-07T06:28:32.000Z');
});

test.for([
  ['without an extension', '80 60 0001 00000000 11223344 65'],
  ['with another extension', `${HEAD} bede 0003 ${TIME} 80 05 0000 65`],
  ['with one that is too short', `${HEAD} abac 0002 ${TIME} 65`],
  ['that ends within it', `${HEAD} abac 0003 ${TIME} 80`],
  ['without a time', `${HEAD} abac 0003 00000000 00000000 80 05 0000 65`],
  ['of four bytes', '90 60 00 01'],
])('a packet %s has no replay time', ([, hex = '']) => {
  const extension = new ReplayExtension();
  extension.unixMs = 7;
  const bytes = bytesOf(hex);
  expect([extension.parse(bytes, 0, bytes.length), extension.unixMs]).toEqual([false, 7]);
});

test('any bytes are read or refused, and nothing outside of the packet is', () => {
  const next = random(7);
  const extension = new ReplayExtension();
  const whole = bytesOf(`${HEAD} abac 0003 ${TIME} 80 05 0000 65`);
  for (let i = 0; i < 5_000; i += 1) {
    const bytes = Uint8Array.from(whole);
    for (let k = 0; k < 3; k += 1) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    const end = Math.floor(next() * (bytes.length + 4));
    const isFound = extension.parse(bytes, 0, end);
    expect(isFound && (end < 28 || end > bytes.length)).toBe(false);
    expect(Number.isFinite(extension.unixMs)).toBe(true);
  }
});
