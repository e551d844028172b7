import { expect, test, vi } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { hold, release, SlabPool } from '../../../media/sample/slab.ts';
import { PartMemory } from './part-memory.ts';

function part(memory: PartMemory, bytes: number, mark: number): readonly Buffer[] {
  const head = Math.min(bytes, 100);
  memory.begin(bytes);
  memory.write(new Uint8Array(head).fill(mark));
  memory.write(new Uint8Array(bytes - head).fill(mark));
  return memory.take();
}

const isAll = (piece: Buffer, mark: number): boolean => piece.equals(Buffer.alloc(piece.length, mark));

const slabsOf = (parts: readonly (readonly Buffer[])[]): Set<ArrayBufferLike> =>
  new Set(parts.flat().map(({ buffer }) => buffer));

const sum = (sizes: Iterable<number>): number => [...sizes].reduce((total, size) => total + size, 0);

test('released parts make room for others, and held memory is not reused', () => {
  const memory = new PartMemory();
  const next = random(5);
  const slabs = new Set<ArrayBufferLike>();
  const kept: { pieces: readonly Buffer[]; bytes: number; mark: number }[] = [];
  for (let i = 0; i < 5_000; i += 1) {
    const mark = i % 251;
    const bytes = 1_000 + Math.floor(next() * 30_000);
    const pieces = part(memory, bytes, mark);
    for (const { buffer } of pieces) {
      slabs.add(buffer);
    }
    kept.push({ pieces, bytes, mark });
    if (kept.length > 50) {
      // A viewer may still be sent one of those that have left.
      const gone = kept.splice(next() < 0.9 ? 0 : 1, 1)[0];
      expect(sum(gone?.pieces.map(({ length }) => length) ?? [])).toBe(gone?.bytes);
      expect(gone?.pieces.every((piece) => isAll(piece, gone.mark))).toBe(true);
      gone?.pieces.forEach(release);
    }
  }
  expect(sum([...slabs].map(({ byteLength }) => byteLength))).toBeLessThan(3_000_000);
});

test('what is kept of a 4 Mbit/s camera takes hardly more memory than its size', () => {
  const memory = new PartMemory();
  const slabs = new Set<ArrayBufferLike>();
  const kept: (readonly Buffer[])[] = [];
  for (let second = 0; second < 60; second += 1) {
    // A key frame and 24 other pictures.
    for (const bytes of [180_000, 80_000, 80_000, 80_000, 80_000]) {
      kept.push(part(memory, bytes, second));
    }
    // Whole segments leave, of which the last 15 are kept.
    for (const old of kept.length > 15 * 5 ? kept.splice(0, 5) : []) {
      old.forEach(release);
    }
    for (const slab of slabsOf(kept)) {
      slabs.add(slab);
    }
  }
  const bytes = sum(kept.flat().map(({ length }) => length));
  expect(sum([...slabs].map(({ byteLength }) => byteLength)) / bytes).toBeLessThan(1.15);
});

test('a part larger than a slab is in several', () => {
  const memory = new PartMemory();
  const small = part(memory, 100, 1);
  const large = part(memory, 3 << 20, 2);
  expect(sum(large.map(({ length }) => length))).toBe(3 << 20);
  expect(Math.max(...[...slabsOf([large])].map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(128 << 10);
  large.forEach(hold);
  large.forEach(release);
  const [first] = small;
  expect(part(memory, 100, 3)[0]?.buffer).toBe(large.at(-1)?.buffer);
  expect(first && isAll(first, 1)).toBe(true);
});

test('a part for which there is no memory leaves nothing in the next one', () => {
  const memory = new PartMemory();
  const [first] = part(memory, 100, 1);
  memory.begin(1 << 20);
  const none = vi.spyOn(SlabPool.prototype, 'take').mockImplementationOnce(() => {
    throw new RangeError('Array buffer allocation failed');
  });
  expect(() => memory.write(new Uint8Array(1 << 20).fill(2))).toThrow(RangeError);
  none.mockRestore();
  first && release(first);
  const pieces = part(memory, 1_000, 3);
  expect(sum(pieces.map(({ length }) => length))).toBe(1_000);
  expect(pieces.every((piece) => isAll(piece, 3))).toBe(true);
  // Only part of it is written.
  memory.begin(200);
  memory.write(new Uint8Array(100).fill(4));
  const [last, ...more] = part(memory, 100, 5);
  expect([last?.length, more.length, last && isAll(last, 5)]).toEqual([100, 0, true]);
});
