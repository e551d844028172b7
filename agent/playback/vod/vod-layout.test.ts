import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { opusTrack, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { hashOf, type ReadSample, readPlaylist, readSamples } from '../../../test/support/disks/vod.ts';
import { tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import { writeFragment } from '../../../test/support/media/write-fragment.ts';
import { PerchError } from '../../base/errors.ts';
import { join as joinBytes } from '../../media/mp4/box/boxes.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import type { TrackRun } from '../../media/mp4/write/fragment.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { writeStreamMark } from '../../record/file/stream-mark.ts';
import { TableCache } from '../read/table-cache.ts';
import { layOut, type VodLayout } from './vod-layout.ts';
import { writeVodPlaylist } from './vod-playlist.ts';
import { VodResource } from './vod-resource.ts';

const NAME_US = WALL * 1000;
const FILES = byLength(10, 400);
const DAMAGED = byLength(100, 5_000);

interface Recording {
  readonly init: Uint8Array;
  readonly fragments: readonly Uint8Array[];
  /** Samples as a reader of the file finds them. */
  readonly samples: readonly ReadSample[];
}

const sample = (dts: number, offset: number, key: boolean, data: Uint8Array): Sample => ({
  pts: dts + offset,
  dts,
  wall: 0,
  key,
  data,
});

const bytes = (next: () => number): Uint8Array =>
  Uint8Array.from({ length: 1 + Math.floor(next() * 30) }, () => Math.floor(next() * 256));

/** Random video and audio in fragments that begin anywhere: groups of every length, gaps, separate runs of one track in a fragment. */
function recordingOfChance(next: () => number, tracks: readonly Track[]): Recording {
  const mark = { streamId: 'ab'.repeat(16), segmentNumber: 3, dtsUs: 12_345_678, wallUs: NAME_US };
  const init = writeInit(tracks, writeStreamMark(mark));
  new DataView(init.buffer).setUint32(parseInit(init)?.durationOffset ?? 0, 60_000);
  const times = tracks.map((track) => Math.floor(next() * track.clockRate));
  const fragments: Uint8Array[] = [];
  const samples: ReadSample[] = [];
  const reorders = next() < 0.5;
  let untilKey = Math.floor(next() * 10);
  for (let sequence = 0; sequence < 12; sequence += 1) {
    const runs: TrackRun[] = [];
    for (let part = next() < 0.2 ? 2 : 1; part > 0; part -= 1) {
      for (const [number, track] of tracks.entries()) {
        const run: Sample[] = [];
        const isVideo = track.kind === 'video';
        const wantedTicks = next() < 0.1 ? 0 : next() * 4 * track.clockRate;
        if (isVideo && untilKey === 0 && next() < 0.3) {
          times[number] = (times[number] as number) + Math.floor(next() * 3 * track.clockRate);
        }
        const baseTime = times[number] as number;
        let time = baseTime;
        while (time - baseTime < wantedTicks) {
          const key = !isVideo || untilKey === 0;
          untilKey = isVideo ? (key ? Math.floor(next() * 40) : untilKey - 1) : untilKey;
          const offset = isVideo && reorders ? Math.floor(next() * 3) * 9_000 : 0;
          run.push(sample(time, offset, key, bytes(next)));
          time += isVideo ? 6_000 + Math.floor(next() * 6_000) : 960;
        }
        times[number] = time;
        if (run.length > 0) {
          runs.push({ track: number, baseTime, samples: run, endDts: time });
          samples.push(...run.map((one, i) => read(number + 1, one, run[i + 1]?.dts ?? time)));
        }
      }
    }
    fragments.push(joinBytes(writeFragment(sequence, runs)));
  }
  return { init, fragments, samples };
}

const read = (trackId: number, { dts, pts, key, data }: Sample, end: number): ReadSample => ({
  trackId,
  time: dts,
  duration: end - dts,
  compositionOffset: pts - dts,
  isSync: key,
  data: hashOf(data),
});

async function open(file: string, recording: Recording, fragments: number) {
  writeFileSync(file, joinBytes([recording.init, ...recording.fragments.slice(0, fragments)]));
  const tabled = await new TableCache().of({ file });
  const layout = layOut(tabled, NAME_US);
  const resource = new VodResource(layout, tabled);
  return { layout, resource, whole: await buffer(resource.read(0, resource.sizeBytes)) };
}

/** The samples that the segments must contain: of the leading track only decodable ones. */
function expected({ samples }: Recording, { shiftSeconds }: VodLayout, tracks: readonly Track[]) {
  return tracks.map((track, i) => {
    const own = samples.filter(({ trackId }) => trackId === i + 1);
    const first = i === 0 ? own.findIndex(({ isSync }) => isSync) : 0;
    const shift = Math.round(shiftSeconds * track.clockRate);
    return own.slice(first).map(({ duration: _, ...rest }) => ({ ...rest, time: rest.time + shift }));
  });
}

test.for([
  ['pictures and sound', [tinyH264, opusTrack]],
  ['sound alone', [opusTrack]],
] as const)(
  'recordings of chance with %s: every sample once, in segments that begin with key frames',
  async ([, tracks]) => {
    using folder = temporaryFolder();
    for (let seed = 1; seed <= FILES; seed += 1) {
      const recording = recordingOfChance(random(seed), tracks);
      const { layout, resource, whole } = await open(join(folder.path, 'file.mp4'), recording, 12);
      const { cuts, offsets, init } = layout;
      expect([whole.length, offsets.at(-1)], `seed ${seed}`).toEqual([resource.sizeBytes, resource.sizeBytes]);
      const found = await readSamples(folder.path, whole);
      const plain = found.map(({ duration: _, ...rest }) => rest);
      const byTrack = tracks.map((_, i) => plain.filter(({ trackId }) => trackId === i + 1));
      expect(byTrack, `seed ${seed}`).toEqual(expected(recording, layout, tracks));
      for (let i = 0; i < cuts.count; i += 1) {
        const segment = whole.subarray(offsets[i], offsets[i + 1]);
        const inside = await readSamples(folder.path, joinBytes([init, segment]));
        expect(inside.find(({ trackId }) => trackId === 1)?.isSync, `seed ${seed}`).toBe(true);
        const [start, end] = [cuts.startSeconds[i] as number, cuts.endSeconds[i] as number];
        expect(end).toBeGreaterThan(start);
      }
    }
  },
);

test('a recording that grows only gets more segments: none that was listed changes, and the last is listed at its end', async () => {
  using folder = temporaryFolder();
  const tracks = [tinyH264, opusTrack];
  for (let seed = 1; seed <= byLength(6, 60); seed += 1) {
    const finished = recordingOfChance(random(seed), tracks);
    const growing = { ...finished, init: finished.init.slice() };
    growing.init.fill(0, parseInit(growing.init)?.durationOffset, (parseInit(growing.init)?.durationOffset ?? 0) + 4);
    const end = await open(join(folder.path, 'end.mp4'), finished, 12);
    for (let fragments = 0; fragments <= 12; fragments += 3) {
      const { layout, whole } = await open(join(folder.path, `${fragments}.mp4`), growing, fragments);
      const { count } = layout.cuts;
      expect(layout.isFinished).toBe(false);
      expect(count).toBeLessThan(Math.max(1, end.layout.cuts.count));
      expect([...layout.offsets]).toEqual([...end.layout.offsets.subarray(0, count + 1)]);
      expect([...layout.cuts.startSeconds]).toEqual([...end.layout.cuts.startSeconds.subarray(0, count)]);
      expect([...layout.cuts.endSeconds]).toEqual([...end.layout.cuts.endSeconds.subarray(0, count)]);
      expect(whole.equals(end.whole.subarray(0, whole.length))).toBe(true);
    }
  }
});

test('any range of a resource matches the full resource', async () => {
  using folder = temporaryFolder();
  const next = random(5);
  const { resource, whole } = await open(
    join(folder.path, 'file.mp4'),
    recordingOfChance(next, [tinyH264, opusTrack]),
    12,
  );
  for (let i = 0; i < 100; i += 1) {
    const start = Math.floor(next() * whole.length);
    const end = start + 1 + Math.floor(next() * (whole.length - start));
    const part = await buffer(resource.read(start, end));
    expect(part.equals(whole.subarray(start, end)), `${start}-${end} of ${whole.length}`).toBe(true);
  }
});

test('a pause in a file, where parts were lost, is a gap like that between files', async () => {
  using folder = temporaryFolder();
  const part = (fromS: number): TrackRun => {
    const samples = Array.from({ length: 8 }, (_, i) => sample((fromS + i) * 90_000, 0, true, Uint8Array.of(i)));
    return { track: 0, baseTime: fromS * 90_000, samples, endDts: (fromS + 8) * 90_000 };
  };
  const fragments = [part(0), part(8), part(20)].map((run, i) => joinBytes(writeFragment(i, [run])));
  const recording = { ...recordingOfChance(random(1), [tinyH264]), fragments };
  const { layout } = await open(join(folder.path, 'file.mp4'), recording, 3);
  const file = {
    layout,
    uri: 'x.mp4',
    startUs: NAME_US,
    from: 0,
    to: layout.cuts.count,
    isContinued: false,
    stepSeconds: 0,
  };
  const kind = { isEnded: true, startOffsetSeconds: undefined, minTargetSeconds: 1 };
  const { segments } = readPlaylist(writeVodPlaylist([file], kind));
  expect(segments.map(({ seconds, isDiscontinuity }) => [seconds, isDiscontinuity])).toEqual([
    [6, false],
    [6, false],
    [4, false],
    [6, true],
    [2, false],
  ]);
  expect(segments[3]?.programDateTime).toBe('2026-07-01T12:00:20.000Z');
});

test('damaged recordings are laid out and read as far as possible, or rejected with a PerchError', async () => {
  using folder = temporaryFolder();
  const next = random(77);
  const file = join(folder.path, 'file.mp4');
  let read = 0;
  for (let i = 0; i < DAMAGED; i += 1) {
    const { init, fragments } = recordingOfChance(next, [tinyH264, opusTrack]);
    writeFileSync(file, mutate(joinBytes([init, ...fragments]), next));
    try {
      const tabled = await new TableCache().of({ file });
      const resource = new VodResource(layOut(tabled, NAME_US), tabled);
      const whole = await buffer(resource.read(0, resource.sizeBytes));
      expect(whole.length).toBe(resource.sizeBytes);
      read += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(DAMAGED / 6);
});
