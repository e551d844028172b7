import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import type { Sample } from '../../sample/sample.ts';
import { release, SlabPool } from '../../sample/slab.ts';
import type { Track } from '../../sample/track.ts';
import type { TrackRun } from './fragment.ts';
import { TrackRunBuffer } from './track-run.ts';

const ORIGIN_DTS = 1_000;
const AAC: Track = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  frameSamples: 1024,
  config: Uint8Array.of(0x11, 0x90),
};
const OPUS: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };

function bufferOf(track: Track = H264_TRACK): TrackRunBuffer {
  const buffer = new TrackRunBuffer(1, track);
  buffer.originDts = ORIGIN_DTS;
  return buffer;
}

const sampleAt = (dts: number, data: Uint8Array = new Uint8Array(4)): Sample => ({
  pts: dts,
  dts,
  wall: 0,
  key: true,
  data,
});

/** A sample alone in its slab, which its maker holds, and whether anything holds the slab yet. */
function heldSample(dts: number, bytes: number) {
  const pool = new SlabPool();
  const data = pool.take(bytes);
  return { sample: sampleAt(dts, data), isHeld: () => pool.take(bytes) !== data };
}

test('for any sequence of calls, runs are the accepted samples in order, without gaps, and bytes are those of the rest', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const next = random(seed);
    const buffer = bufferOf();
    const accepted: Sample[] = [];
    const runs: TrackRun[] = [];
    for (let step = 0; step < 100; step += 1) {
      if (next() < 0.7) {
        const dts = Math.max(0, (accepted.at(-1)?.dts ?? ORIGIN_DTS) + Math.floor(next() * 5_000) - 1_000);
        const sample = sampleAt(dts, new Uint8Array(Math.floor(next() * 50)));
        const isLater = accepted.length === 0 || dts > (accepted.at(-1)?.dts ?? 0);
        expect(buffer.append(sample)).toBe(isLater);
        accepted.push(...(isLater ? [sample] : []));
      } else if (buffer.count > 0) {
        const count = 1 + Math.floor(next() * buffer.count);
        const following = buffer.at(count);
        runs.push(buffer.take(count));
        expect(runs.at(-1)?.endDts).toBe(following?.dts ?? buffer.endDtsOf(0));
      }
      const taken = runs.reduce((sum, { samples }) => sum + samples.length, 0);
      const left = accepted.slice(taken);
      expect([buffer.count, buffer.first, buffer.last]).toEqual([left.length, left[0], left.at(-1)]);
      expect(buffer.bytes).toBe(left.reduce((sum, { data }) => sum + data.length, 0));
    }
    expect(accepted.slice(0, accepted.length - buffer.count)).toEqual(runs.flatMap(({ samples }) => samples));
    for (const { track, baseTime, samples, endDts } of runs) {
      expect([track, baseTime]).toEqual([1, (samples[0]?.dts ?? 0) - ORIGIN_DTS]);
      expect(endDts).toBeGreaterThan(samples.at(-1)?.dts ?? 0);
    }
  }
});

test('a sample is held until the taker of its run releases it', () => {
  const buffer = bufferOf();
  const { sample, isHeld } = heldSample(2_000, 64);
  buffer.append(sample);
  release(sample.data);
  const { samples } = buffer.take(1);
  buffer.clear();
  expect(isHeld()).toBe(true);
  release((samples[0] as Sample).data);
  expect(isHeld()).toBe(false);
});

test.for([
  ['drop', (buffer: TrackRunBuffer) => buffer.drop(1)],
  ['clear', (buffer: TrackRunBuffer) => buffer.clear()],
] as const)('%s releases what it removes', ([, remove]) => {
  const buffer = bufferOf();
  const { sample, isHeld } = heldSample(2_000, 64);
  buffer.append(sample);
  release(sample.data);
  remove(buffer);
  expect([isHeld(), buffer.count, buffer.bytes]).toEqual([false, 0, 0]);
});

test('a rejected sample is not held', () => {
  const buffer = bufferOf();
  buffer.append(sampleAt(2_000));
  const { sample, isHeld } = heldSample(2_000, 64);
  expect(buffer.append(sample)).toBe(false);
  release(sample.data);
  expect(isHeld()).toBe(false);
});

test('a decode time that does not increase is rejected after everything was taken or dropped, but not after clear', () => {
  const buffer = bufferOf();
  buffer.append(sampleAt(2_000));
  buffer.take(1);
  expect(buffer.append(sampleAt(2_000))).toBe(false);
  expect(buffer.append(sampleAt(2_001))).toBe(true);
  buffer.drop(1);
  expect(buffer.append(sampleAt(2_001))).toBe(false);
  buffer.clear();
  expect(buffer.append(sampleAt(0))).toBe(true);
});

/** 20 ms; then a code 3 packet without frames, which is invalid. */
const OPUS_20MS = Uint8Array.of(0xfc, 0);
const NO_OPUS = Uint8Array.of(0xff, 0);

test.for([
  ['video: as long as the one before it', H264_TRACK, [3_000, 9_000], new Uint8Array(4), 6_000],
  ['one sample alone: a tick', H264_TRACK, [3_000], new Uint8Array(4), 1],
  ['AAC: its frame, after a gap too', AAC, [3_000, 90_000], new Uint8Array(4), 1_024],
  ['Opus: its packet, after a gap too', OPUS, [3_000, 90_000], OPUS_20MS, 960],
  ['Opus whose packet does not tell: as long as the one before it', OPUS, [3_000, 4_920], NO_OPUS, 1_920],
] as const)('the last sample ends: %s', ([, track, times, data, ticks]) => {
  const buffer = bufferOf(track);
  for (const dts of times) {
    buffer.append(sampleAt(dts, data));
  }
  expect(buffer.take(buffer.count).endDts).toBe((times.at(-1) ?? 0) + ticks);
});
