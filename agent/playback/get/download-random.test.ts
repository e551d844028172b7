import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { feed, opusTrack, startRecorder, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../../test/support/media/read-mp4.ts';
import { tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { FragmentWalk, readInit } from '../../record/file/fragment-walk.ts';
import { findStreamMark, type StreamMark } from '../../record/file/stream-mark.ts';

/** A sample of an answer, or of a file. Times in ticks of its track. */
interface Picked {
  readonly time: number;
  readonly offset: number;
  readonly isSync: boolean;
  readonly data: Buffer;
}

type Tracks = Map<number, Picked[]>;

interface ReadFile {
  readonly mark: StreamMark;
  readonly endSeconds: number;
  readonly timescales: ReadonlyMap<number, number>;
  readonly tracks: Tracks;
  /** Ticks at which the last sample of each track ends. */
  readonly ends: ReadonlyMap<number, number>;
}

/** Every sample of a file in fragments, by walking through it from the beginning. */
async function readFragments(file: string): Promise<ReadFile> {
  const bytes = readFileSync(file);
  await using handle = await open(file);
  const init = await readInit(handle, bytes.length);
  const timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
  const tracks: Tracks = new Map(init.tracks.map((track) => [track.id, []]));
  const walk = new FragmentWalk(handle, init, bytes.length);
  const ends = new Map<number, number>();
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    for (const run of placed.fragment.runs) {
      let time = run.baseTime;
      let at = placed.offset + run.dataOffset;
      for (let i = 0; i < run.count; i += 1) {
        const data = bytes.subarray(at, at + (run.sizes[i] as number));
        tracks.get(run.trackId)?.push({ time, offset: run.compositionOffsets?.[i] ?? 0, isSync: run.isSync(i), data });
        at += data.length;
        time += run.durations[i] as number;
      }
      ends.set(run.trackId, time);
    }
  }
  const endSeconds = Math.max(...[...ends].map(([id, ticks]) => ticks / (timescales.get(id) ?? 1)));
  return { mark: findStreamMark(init.userData) as StreamMark, endSeconds, timescales, tracks, ends };
}

/** The samples that an answer must contain, in order. */
function pick(files: readonly ReadFile[], startUs: number, endSeconds: number): Tracks | undefined {
  const picked: Tracks = new Map();
  let before: ReadFile | undefined;
  let shift = 0;
  for (const file of files) {
    const { mark } = file;
    const continues = before?.mark.streamId === mark.streamId && before.mark.segmentNumber + 1 === mark.segmentNumber;
    const hasEnded = mark.wallUs + file.endSeconds * 1e6 <= startUs;
    if (picked.size === 0 && hasEnded) {
      continue;
    }
    if ((picked.size > 0 && !continues) || mark.wallUs > startUs + endSeconds * 1e6) {
      break;
    }
    shift = before && continues ? shift + (mark.dtsUs - before.mark.dtsUs) / 1e6 : (mark.wallUs - startUs) / 1e6;
    before = file;
    for (const [id, samples] of file.tracks) {
      const timescale = file.timescales.get(id) ?? 1;
      const placed = samples.map((sample) => ({ ...sample, time: sample.time + Math.round(shift * timescale) }));
      const next = placed.findIndex(({ time, offset }) => time + offset >= 0);
      const nextTime = next < 0 ? (file.ends.get(id) ?? 0) + Math.round(shift * timescale) : shownTime(placed[next]);
      // The picture on the screen, if it stays for a second or for the whole period.
      const isStill = timescale === 90_000 && next !== 0 && nextTime >= Math.min(1, endSeconds) * timescale;
      const first = isStill ? placed.at(next < 0 ? -1 : next - 1) : placed[next];
      const at = first ? placed.indexOf(first) : placed.length;
      const sync = placed.findLastIndex(({ isSync }, i) => isSync && i <= at);
      const kept = first ? placed.slice(sync < 0 ? at : sync) : [];
      const end = Math.round(endSeconds * timescale);
      const wanted = kept.filter(({ time }) => time < end);
      if (wanted.length > 0) {
        picked.set(id, [...(picked.get(id) ?? []), ...wanted]);
      }
    }
  }
  return picked.size > 0 ? picked : undefined;
}

/** Pictures in random groups, some reordered, with jitter. */
function drawVideo(next: () => number, seconds: number, wall: number): Sample[] {
  const step = 90_000 / (5 + Math.floor(next() * 15));
  const [hasReordering, wavers] = [next() < 0.4, next() < 0.5];
  const samples: Sample[] = [];
  let dts = Math.floor(next() * 1e6);
  const start = dts;
  let untilKey = 0;
  while (dts - start < seconds * 90_000) {
    const key = untilKey === 0;
    untilKey = key ? 1 + Math.floor(next() * 20) : untilKey - 1;
    const offset = hasReordering ? Math.round(step * (key ? 1 : ([3, 1, 0][samples.length % 3] as number))) : 0;
    const data = drawBytes(next, key ? 3_000 : 400);
    samples.push({ dts, pts: dts + offset, wall: wall + (dts - start) / 90, key, data });
    dts += Math.round(step * (wavers ? 0.7 + next() * 0.6 : 1));
  }
  return samples;
}

/** @param startTicks where the pictures begin: the tracks of a stream have one clock, and are a little apart on it */
function drawSound(next: () => number, seconds: number, wall: number, startTicks: number, aheadMs: number): Sample[] {
  const start = Math.max(0, Math.floor((startTicks / 90_000 + (next() - 0.5) * 0.6) * 48_000));
  return Array.from({ length: seconds * 50 }, (_, i) => {
    const pts = start + i * 960;
    return { pts, dts: pts, wall: wall + i * 20 - aheadMs, key: true, data: drawBytes(next, 60) };
  });
}

function drawBytes(next: () => number, most: number): Uint8Array {
  const bytes = Uint8Array.from({ length: 5 + Math.floor(next() * most) }, () => Math.floor(next() * 256));
  new DataView(bytes.buffer).setUint32(0, bytes.length - 4);
  return bytes;
}

/** One to three uninterrupted recordings of several files, with gaps between them. */
async function recordByChance(folder: string, next: () => number): Promise<ReadFile[]> {
  const hasSound = next() < 0.8;
  const hasVideo = !hasSound || next() < 0.85;
  const files: string[] = [];
  let wall = WALL;
  for (let stretch = 0; stretch < 1 + Math.floor(next() * 3); stretch += 1) {
    const seconds = 2 + Math.floor(next() * 7);
    const tracks = [...(hasVideo ? [tinyH264] : []), ...(hasSound ? [opusTrack] : [])];
    const segmentDurationMs = 1_500 + Math.floor(next() * 3_000);
    const running = startRecorder(folder, { segmentDurationMs }, tracks);
    const video = hasVideo ? [drawVideo(next, seconds, wall)] : [];
    const startTicks = video[0]?.[0]?.dts ?? 0;
    const sound = hasSound ? [drawSound(next, seconds, wall, startTicks, Math.floor(next() * 300))] : [];
    feed(running.stream, [...video, ...sound]);
    running.stream.close();
    await running[Symbol.asyncDispose]();
    files.push(...running.log.names);
    wall += seconds * 1_000 + 500 + Math.floor(next() * 5_000);
  }
  return Promise.all(files.map(readFragments));
}

/**
 * As the fragments of an answer contain them: samples before the start take some ticks each, half a picture in all; those out
 * of order take none, and are presented at their times.
 */
function asFragments(picked: Tracks): Tracks {
  return new Map(
    [...picked].map(([id, samples]) => {
      const isReordered = samples.some(({ offset }) => offset !== 0);
      const hidden = samples.filter(({ time }) => time < 0).length;
      const duration = (samples[1]?.time ?? 0) - (samples[0]?.time ?? 0);
      const step = Math.floor(duration / 800) + 1;
      const decodeOnlyTime = (i: number): number => (isReordered ? 0 : Math.min(i * step, Math.floor(duration / 2)));
      const expectedTime = ({ time }: Picked, i: number): number => {
        if (hidden === 0) {
          return time;
        }
        return isReordered && time < step ? 0 : Math.max(time, decodeOnlyTime(Math.min(i, hidden)));
      };
      const expected = (sample: Picked, i: number) => ({
        ...sample,
        time: expectedTime(sample, i),
        offset: sample.time < 0 ? Math.max(0, sample.time + sample.offset) : sample.offset,
      });
      return [id, samples.map(expected)];
    }),
  );
}

/** Hidden reordered pictures are some ticks apart, with the first visible one right after them: checked, then set to 0. */
function withoutSqueeze(got: Tracks, wanted: Tracks): Tracks {
  const settled = ([id, samples]: [number, Picked[]]): [number, Picked[]] => {
    const picked = wanted.get(id) ?? [];
    if (!picked.some(({ offset }) => offset !== 0)) {
      return [id, samples];
    }
    const isMoved = (sample: Picked, i: number): boolean => shownTime(sample) <= 8 && shownTime(picked[i]) < 8;
    return [
      id,
      samples.map((sample, i) =>
        isMoved(sample, i) ? { ...sample, offset: asShown(picked[i]) - sample.time } : sample,
      ),
    ];
  };
  return new Map([...got].map(settled));
}

const asShown = (sample: Picked | undefined): number => Math.max(0, shownTime(sample));
const shownTime = (sample: Picked | undefined): number => (sample?.time ?? 0) + (sample?.offset ?? 0);

/** As a plain file presents it: from the first shown picture on. */
function asPlain(picked: Tracks, videoId: number | undefined, timescales: ReadonlyMap<number, number>): Tracks {
  const shown = picked.get(videoId ?? -1)?.map(({ time, offset }) => time + offset) ?? [];
  const atZero = Math.max(...shown.filter((time) => time <= 0));
  const lead = Number.isFinite(atZero) ? -atZero / (timescales.get(videoId ?? -1) ?? 1) : 0;
  return new Map(
    [...picked].map(([id, samples]) => {
      const ticks = Math.round(lead * (timescales.get(id) ?? 1));
      return [id, samples.map((sample) => ({ ...sample, time: sample.time + ticks }))];
    }),
  );
}

function expectSame(got: Tracks, wanted: Tracks): void {
  for (const [id, samples] of wanted) {
    const own = got.get(id) ?? [];
    expect(own.map(({ time }) => time)).toEqual(samples.map(({ time }) => time));
    expect(own.map(({ offset }) => offset)).toEqual(samples.map(({ offset }) => offset));
    expect(own.map(({ isSync }) => isSync)).toEqual(samples.map(({ isSync }) => isSync));
    expect(own.every(({ data }, i) => data.equals(samples[i]?.data ?? Buffer.alloc(0)))).toBe(true);
  }
  const count = (tracks: Tracks) => [...tracks.values()].reduce((sum, { length }) => sum + length, 0);
  expect(count(got)).toBe(count(wanted));
}

test.for([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'answers out of recordings of chance (%s) have exactly the samples that belong there',
  async (seed) => {
    using folder = temporaryFolder();
    const next = random(seed);
    const files = await recordByChance(folder.path, next);
    const timescales = files[0]?.timescales ?? new Map<number, number>();
    const videoId = timescales.get(1) === 90_000 ? 1 : undefined;
    await using playback = openPlayback(folder.path);
    const last = files.at(-1)?.mark.wallUs ?? 0;
    for (let i = 0; i < 12; i += 1) {
      const startUs = Math.round(WALL * 1000 + next() * (last - WALL * 1000 + 5e6) - 1e6);
      const durationUs = Math.round(next() ** 2 * 12e6);
      const wanted = pick(files, startUs, durationUs / 1e6);
      for (const format of ['fmp4', 'mp4'] as const) {
        const download = playback.get({ path: 'cam', startUs, durationUs, format });
        if (!wanted) {
          await expect(download).rejects.toThrow('no recording segments found');
          continue;
        }
        const { file } = await download;
        const bytes = await buffer(file.read(0, file.sizeBytes));
        const [from, to] = [next(), next()].sort().map((part) => Math.floor(part * bytes.length)) as [number, number];
        expect((await buffer(file.read(from, to + 1))).equals(bytes.subarray(from, to + 1))).toBe(true);
        if (format === 'fmp4') {
          const name = join(folder.path, 'answer');
          writeFileSync(name, bytes);
          expectSame(withoutSqueeze((await readFragments(name)).tracks, wanted), asFragments(wanted));
        } else {
          const got = [...readPlainMp4(bytes)].map(([id, samples]): [number, Picked[]] => [
            id,
            samples.map(({ decodeTime, shownTime, isSync, data }) => {
              return { time: decodeTime, offset: shownTime - decodeTime, isSync, data };
            }),
          ]);
          expectSame(new Map(got), asPlain(wanted, videoId, timescales));
        }
      }
    }
  },
);
