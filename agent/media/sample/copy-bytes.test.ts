import { expect, test } from 'vitest';
import { copyBytes } from './copy-bytes.ts';

test('bytes between two offsets are copied to a third, within views of larger buffers', () => {
  const source = Uint8Array.of(9, 1, 2, 3, 4, 5, 9).subarray(1, 6);
  const target = new Uint8Array(8).subarray(2, 7);
  copyBytes(source, 1, 4, target, 2);
  expect([...target]).toEqual([0, 0, 2, 3, 4]);
  expect([...new Uint8Array(target.buffer)]).toEqual([0, 0, 0, 0, 2, 3, 4, 0]);
});
