import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { SampleBuffer, VIDEO_SAMPLES } from './sample-buffer.ts';
import { hold, release, SlabPool, slabBytesFor } from './slab.ts';

function unitOf(buffer: SampleBuffer, value: number, bytes: number): Uint8Array {
  buffer.append(new Uint8Array(bytes).fill(value), 0, bytes);
  return buffer.take();
}

test('a slab is used again once every unit in it is released, and not before', () => {
  const buffer = new SampleBuffer({ ...VIDEO_SAMPLES, maxSlabBytes: VIDEO_SAMPLES.minSlabBytes });
  const first = unitOf(buffer, 1, 30_000);
  const second = unitOf(buffer, 2, 30_000);
  expect(second.buffer).toBe(first.buffer);
  const third = unitOf(buffer, 3, 30_000);
  expect(third.buffer).not.toBe(first.buffer);
  release(first);
  const fourth = unitOf(buffer, 4, 30_000);
  expect(fourth.buffer).toBe(third.buffer);
  release(second);
  const fifth = unitOf(buffer, 5, 30_000);
  expect(fifth.buffer).toBe(first.buffer);
});

test('a unit with two holds stays until both are released', () => {
  const pool = new SlabPool();
  const slab = pool.take(1024);
  hold(slab);
  release(slab);
  expect(pool.take(1024)).not.toBe(slab);
  release(slab);
  expect(pool.take(1024)).toBe(slab);
});

test('with units released in any order, held bytes stay unchanged', () => {
  const next = random(11);
  const buffer = new SampleBuffer(VIDEO_SAMPLES);
  const held: { readonly unit: Uint8Array; readonly value: number; readonly bytes: number }[] = [];
  const places = new Set<ArrayBufferLike>();
  for (let i = 0; i < 5_000; i += 1) {
    const bytes = 1 + Math.floor(next() * (next() < 0.05 ? 200_000 : 12_000));
    const value = i & 0xff;
    const unit = unitOf(buffer, value, bytes);
    places.add(unit.buffer);
    held.push({ unit, value, bytes });
    while (held.length > 60 || (held.length > 0 && next() < 0.3)) {
      const [gone] = held.splice(Math.floor(next() * held.length), 1);
      if (gone) {
        expect([gone.unit.length, gone.unit.every((byte) => byte === gone.value)]).toEqual([gone.bytes, true]);
        release(gone.unit);
      }
    }
  }
  // 50 MB went through: most of it in memory that had been used before.
  expect([...places].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(10e6);
});

test('a slab and its header take whole pages, and no page more', () => {
  const [pageBytes, headerBytes] = [4096, 16];
  for (const bytes of [128 << 10, 256 << 10, 1 << 20]) {
    expect(Math.ceil((slabBytesFor(bytes) + headerBytes) / pageBytes)).toBe(bytes / pageBytes);
  }
});

test('slabs filled by one long stall are freed, those of each GOP are not', () => {
  const pool = new SlabPool();
  const group = (count: number): ArrayBufferLike[] => {
    const units = Array.from({ length: count }, () => pool.take(1024));
    for (const unit of units) {
      release(unit);
    }
    return units.map(({ buffer }) => buffer);
  };
  const ofHalt = new Set(group(16));
  const before = group(4);
  for (let taken = 0; taken < 200; taken += 4) {
    expect(new Set(group(4))).toEqual(new Set(before));
  }
  expect(group(16).filter((place) => ofHalt.has(place))).toHaveLength(4);
});

test('holds on data outside of slabs have no effect', () => {
  const own = new Uint8Array(10);
  hold(own);
  release(own);
  release(own);
  expect(own.length).toBe(10);
});

test('freed slabs are kept up to a number and a total size', () => {
  const waitingOf = (bytes: number) => {
    const pool = new SlabPool();
    const slabs = Array.from({ length: 20 }, () => pool.take(bytes));
    slabs.forEach(release);
    const again = new Set(Array.from({ length: 20 }, () => pool.take(bytes)));
    return slabs.filter((slab) => again.has(slab)).length;
  };
  expect([64 << 10, 1 << 20, 8 << 20].map(waitingOf)).toEqual([16, 16, 2]);
});
