import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { hold, release } from '../../../media/sample/slab.ts';
import { PartMemory } from './part-memory.ts';

test('released parts make room for others, and held memory is not reused', () => {
  const memory = new PartMemory();
  const next = random(5);
  const slabs = new Set<ArrayBufferLike>();
  const kept: { bytes: Uint8Array; mark: number }[] = [];
  for (let i = 0; i < 5_000; i += 1) {
    const mark = i % 251;
    const bytes = memory.take(1_000 + Math.floor(next() * 30_000)).fill(mark);
    slabs.add(bytes.buffer);
    kept.push({ bytes, mark });
    if (kept.length > 50) {
      // A viewer may still be sent one of those that have left.
      const gone = kept.splice(next() < 0.9 ? 0 : 1, 1)[0];
      expect(gone?.bytes.every((byte) => byte === gone.mark)).toBe(true);
      release(gone?.bytes ?? new Uint8Array());
    }
  }
  expect([...slabs].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(3_000_000);
});

test('a part larger than a slab has its own buffer', () => {
  const memory = new PartMemory();
  const small = memory.take(100);
  const large = memory.take(3 << 20);
  expect([large.length, large.buffer.byteLength]).toEqual([3 << 20, 3 << 20]);
  hold(large);
  release(large);
  expect(memory.take(100).buffer).toBe(small.buffer);
});
