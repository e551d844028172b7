import { expect, test } from 'vitest';
import { opusSound, opusTrack } from '../../../test/support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { hold, release, SlabPool } from '../../media/sample/slab.ts';
import { GopRing } from './gop-ring.ts';

const seconds = (samples: readonly Sample[]): number[] => samples.map(({ dts }) => dts / 90_000);

function drained(ring: GopRing, sinceMs = Infinity): Sample[] {
  const samples: Sample[] = [];
  ring.drain({ onSample: (_, sample) => samples.push(sample) }, sinceMs);
  return samples;
}

test.for([
  ['groups of a second', 10, 3_000, 6],
  ['groups of two seconds', 20, 3_000, 6],
  ['a group that is longer than what is kept', 100, 3_000, 0],
] as const)('the requested time before the newest sample is kept: %s', ([, gop, keepMs, firstSecond]) => {
  const ring = new GopRing([tinyH264], keepMs, 1 << 30);
  // Ten seconds, the last picture at 9.9 s.
  for (const sample of tinyVideo(100, 10, gop)) {
    ring.add(0, sample);
  }
  const samples = drained(ring, keepMs);
  expect(samples[0]).toMatchObject({ key: true, dts: firstSecond * 90_000 });
  expect(samples.at(-1)?.dts).toBe(9.9 * 90_000);
  expect(ring.isEmpty).toBe(true);
  expect(ring.bytes).toBe(0);
});

test('older samples are dropped in whole GOPs', () => {
  const ring = new GopRing([tinyH264], 60_000, 1 << 30);
  for (const sample of tinyVideo(100, 10, 20)) {
    ring.add(0, sample);
  }
  expect(seconds(drained(ring, 3_000))[0]).toBe(6);
});

test('audio belongs to the GOP in which it arrived', () => {
  const ring = new GopRing([tinyH264, opusTrack], 1_000, 1 << 30);
  const video = tinyVideo(30, 10, 10);
  const sound = opusSound(150);
  for (let i = 0; i < 30; i += 1) {
    ring.add(0, video[i] as Sample);
    for (const sample of sound.slice(i * 5, i * 5 + 5)) {
      ring.add(1, sample);
    }
  }
  const order: string[] = [];
  ring.drain({ onSample: (track, { dts }) => order.push(`${track}:${dts}`) }, 0);
  expect(order).toHaveLength(60);
  expect(order.slice(0, 3)).toEqual(['0:180000', '1:96000', '1:96960']);
});

test('an audio-only stream keeps its last packets', () => {
  const ring = new GopRing([opusTrack], 1_000, 1 << 30);
  for (const sample of opusSound(200)) {
    ring.add(0, sample);
  }
  expect(drained(ring)).toHaveLength(51);
});

test('beyond the limit whole GOPs are dropped', () => {
  const video = tinyVideo(200, 10, 10);
  const groupBytes = video.slice(0, 10).reduce((sum, { data }) => sum + data.length + 200, 0);
  const ring = new GopRing([tinyH264], 60_000, 3.5 * groupBytes);
  for (const sample of video) {
    ring.add(0, sample);
    expect(ring.bytes).toBeLessThanOrEqual(3.5 * groupBytes);
  }
  expect(ring.tooLarge).toBe(0);
  const samples = drained(ring);
  expect(samples).toHaveLength(30);
  expect(samples[0]?.key).toBe(true);
});

test('a GOP above the limit is dropped with its rest, and the next one is kept', () => {
  const video = tinyVideo(20, 10, 10);
  const ring = new GopRing([tinyH264], 60_000, (video[0] as Sample).data.length + 1_000);
  for (const sample of video.slice(0, 10)) {
    ring.add(0, sample);
  }
  expect([ring.isEmpty, ring.bytes, ring.tooLarge]).toEqual([true, 0, 1]);
  ring.add(0, video[10] as Sample);
  expect(drained(ring)).toHaveLength(1);
});

test('times that run backwards clear the ring', () => {
  const ring = new GopRing([tinyH264], 60_000, 1 << 30);
  for (const sample of [...tinyVideo(30, 10, 10, 900_000), ...tinyVideo(10, 10, 10)]) {
    ring.add(0, sample);
  }
  expect(seconds(drained(ring))[0]).toBe(0);
});

test('memory is held while kept and released when dropped', () => {
  const pool = new SlabPool();
  const ring = new GopRing([tinyH264], 1_000, 1 << 30);
  const slabs = new Set<ArrayBufferLike>();
  for (const { data, ...rest } of tinyVideo(200, 10, 10)) {
    const slab = pool.take(8_192);
    slab.set(data);
    slabs.add(slab.buffer);
    ring.add(0, { ...rest, data: slab.subarray(0, data.length) });
    release(slab);
  }
  // At most three groups of a second are held at a time: the others' memory has gone round.
  expect(slabs.size).toBeLessThanOrEqual(31);
  let kept: Sample | undefined;
  ring.drain(
    {
      onSample: (_, sample) => {
        if (sample.key) {
          hold(sample.data);
          kept ??= sample;
        }
      },
    },
    0,
  );
  const bytes = kept?.data.slice();
  for (let i = 0; i < 40; i += 1) {
    pool.take(8_192).fill(0xff);
  }
  expect(kept?.data).toEqual(bytes);
});
