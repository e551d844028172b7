import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { Dct4 } from './dct.ts';

/** The sum itself. */
function slowDct4(input: Float64Array): number[] {
  const size = input.length;
  return Array.from(input, (_, m) =>
    input.reduce((sum, value, k) => sum + value * Math.cos((Math.PI / size) * (m + 0.5) * (k + 0.5)), 0),
  );
}

test.for([8, 32, 128, 1024])('a transform of %i is the sum that defines it', (size) => {
  const next = random(size);
  const input = Float64Array.from({ length: size + 3 }, () => 2 * next() - 1);
  const out = new Float64Array(size);
  new Dct4(size, 3).transform(input, 3, out);
  const expected = slowDct4(input.subarray(3));
  const error = expected.map((value, i) => Math.abs(3 * value - (out[i] as number)));
  expect(Math.max(...error)).toBeLessThan(1e-9);
});

test('twice transformed is the input again, times half the size', () => {
  const input = Float64Array.from({ length: 1024 }, (_, i) => Math.sin(i * i));
  const once = new Float64Array(1024);
  const twice = new Float64Array(1024);
  const dct = new Dct4(1024, Math.sqrt(2 / 1024));
  dct.transform(input, 0, once);
  dct.transform(once, 0, twice);
  expect(Math.max(...input.map((value, i) => Math.abs(value - (twice[i] as number))))).toBeLessThan(1e-12);
});
