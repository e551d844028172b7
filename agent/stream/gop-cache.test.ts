import { expect, test } from 'vitest';
import type { Sample } from '../media/sample/sample.ts';
import { release, SlabPool } from '../media/sample/slab.ts';
import { GopCache } from './gop-cache.ts';

const sample = (pts: number, key: boolean, data: Uint8Array = new Uint8Array(100)): Sample => ({
  pts,
  dts: pts,
  wall: pts,
  key,
  data,
});

/** Contents of the cache: whole groups, and the still. */
function given(cache: GopCache) {
  const notes = { group: [] as number[], still: [] as number[] };
  cache.replay({ onSample: (_, { pts }) => notes.group.push(pts) }, true);
  cache.replayKey({ onSample: (_, { pts }) => notes.still.push(pts) });
  return notes;
}

test('a GOP within the limit is returned completely, or only its key sample for a still', () => {
  const cache = new GopCache(0, 300);
  expect(given(cache)).toEqual({ group: [], still: [] });
  cache.add(0, sample(1, false));
  cache.add(0, sample(2, true));
  cache.add(1, sample(3, true));
  expect(given(cache)).toEqual({ group: [2, 3], still: [2] });
});

test('a group beyond the limit is dropped; its key sample stays until the next one', () => {
  const cache = new GopCache(0, 300);
  cache.add(0, sample(1, true));
  for (let pts = 2; pts < 10; pts += 1) {
    cache.add(0, sample(pts, false));
  }
  expect(given(cache)).toEqual({ group: [], still: [1] });
  cache.add(0, sample(10, true));
  expect(given(cache)).toEqual({ group: [10], still: [10] });
});

test('pictures a second are measured in the group, and unknown with few of them', () => {
  const cache = new GopCache(0);
  const tickOf = (picture: number) => 90_000 + Math.round((picture * 90_000) / 12);
  cache.add(0, sample(tickOf(0), true));
  expect(cache.fps).toBeUndefined();
  for (let picture = 1; picture < 12; picture += 1) {
    cache.add(0, sample(tickOf(picture), false));
    // A sample of another track.
    cache.add(1, sample(picture, true));
  }
  expect(cache.fps).toBe(12);
  cache.add(0, sample(tickOf(12), true));
  expect(cache.fps).toBeUndefined();
});

test('a key sample that is too large by itself is not kept', () => {
  const cache = new GopCache(0, 300);
  cache.add(0, sample(1, true, new Uint8Array(301)));
  expect(given(cache)).toEqual({ group: [], still: [] });
});

test('after clearing the still is gone as well', () => {
  const cache = new GopCache(0, 150);
  cache.add(0, sample(1, true));
  cache.add(0, sample(2, false));
  cache.clear();
  expect(given(cache)).toEqual({ group: [], still: [] });
});

test('the memory of a group that is too large is given back but for the still, and that with the next key sample', () => {
  const pool = new SlabPool();
  const cache = new GopCache(0, 250);
  const [key, delta] = [pool.take(100), pool.take(100)];
  cache.add(0, sample(1, true, key));
  cache.add(0, sample(2, false, delta));
  // Releases the source's holds; only the cache's are left.
  release(key);
  release(delta);
  cache.add(0, sample(3, false));
  const again = pool.take(100);
  expect([again.buffer === delta.buffer, pool.take(100).buffer === key.buffer]).toEqual([true, false]);
  cache.add(0, sample(4, true));
  expect(pool.take(100).buffer).toBe(key.buffer);
});

test.for([
  ['steady groups', [0, 50, 100, 150], 50],
  ['groups of different length', [0, 20, 100, 120], 80],
  ['one key sample', [0], 0],
  ['a group with a pause of more than three seconds', [0, 20, 100, 120], 20, 60],
] as const)('the longest group of %s is known', ([, keys, expected, pauseAt]) => {
  const cache = new GopCache(0);
  let pts = 0;
  for (let i = 0; i < 200; i += 1) {
    pts += i === pauseAt ? 271_000 : 3600;
    cache.add(
      0,
      sample(
        pts,
        keys.some((key) => key === i),
        new Uint8Array(1),
      ),
    );
    cache.add(1, sample(pts * 10, true, new Uint8Array(1)));
  }
  expect(cache.longestGroupTicks).toBe(expected * 3600);
});

test('how long the running group lasts already is known, and not across a pause', () => {
  const cache = new GopCache(0);
  const write = (pts: number, key: boolean) => cache.add(0, sample(pts, key, new Uint8Array(1)));
  expect(cache.groupTicks).toBe(0);
  write(90_000, true);
  write(180_000, false);
  expect(cache.groupTicks).toBe(90_000);
  write(270_000, true);
  expect(cache.groupTicks).toBe(0);
  write(900_000, false);
  expect(cache.groupTicks).toBe(0);
});
