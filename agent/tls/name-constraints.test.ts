import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { readNameConstraints, writeNameConstraints } from './name-constraints.ts';

test.for([
  { domains: ['local'], hex: '30 0b a0 09 30 07 82 05 6c 6f 63 61 6c' },
  { domains: ['a', 'lan'], hex: '30 0e a0 0c 30 03 82 01 61 30 05 82 03 6c 61 6e' },
])('$domains are written as in RFC 5280', ({ domains, hex }) => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  expect(Buffer.from(writeNameConstraints(domains)).toString('hex')).toBe(bytes.toString('hex'));
  expect(readNameConstraints(bytes)).toEqual(domains);
});

test.for([1, 13, 14, 30, 63])('%i domains of any length are read back', (count) => {
  const domains = Array.from({ length: count }, (_, i) => 'x'.repeat(1 + ((i * 37) % 250)));
  expect(readNameConstraints(writeNameConstraints(domains))).toEqual(domains);
});

test('a damaged extension is read without an exception', () => {
  const next = random(7);
  const below = (limit: number) => Math.floor(next() * limit);
  const whole = writeNameConstraints(['local', 'perch']);
  for (let i = 0; i < 3000; i += 1) {
    const bytes = Uint8Array.from(whole);
    bytes[below(bytes.length)] = below(256);
    bytes[below(bytes.length)] = below(256);
    expect(readNameConstraints(bytes.subarray(0, below(bytes.length))).length).toBeLessThan(20);
  }
});
