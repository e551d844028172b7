import { expect, test } from 'vitest';
import { LENGTH } from '../../../../test/peers/programs/peers.ts';
import { random } from '../../../../test/support/base/random.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { parseFragment } from '../../../media/mp4/read/read.ts';
import type { FragmentRun } from '../../../media/mp4/read/read-runs.ts';
import { AUDIO_SAMPLES, SampleBuffer, VIDEO_SAMPLES } from '../../../media/sample/sample-buffer.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import type { HlsRendition, MediaPlaylist, MuxerOptions, SegmentLine } from '../contracts/hls-muxer.ts';
import { Muxer } from './muxer.ts';

type Random = () => number;

/** Events, in order of arrival. */
type Happening =
  | { readonly atS: number; readonly track: number; readonly pts: number; readonly dts: number; readonly key: boolean }
  | { readonly atS: number; readonly track: number; readonly isNew: true };

const SOUNDS: readonly Track[] = [
  { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 },
  {
    kind: 'audio',
    codec: 'aac',
    clockRate: 16_000,
    channels: 1,
    config: Uint8Array.of(0x14, 0x08),
    frameSamples: 1024,
  },
];

const pick = <T>(next: Random, values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;

/** A camera's pictures: rate, jitter, groups of any length, lost frames, pauses, reordering, new parameter sets. */
function pictures(next: Random, seconds: number): Happening[] {
  const rates = pick(next, [
    [2],
    [5],
    [10],
    [12.5],
    [15],
    [25],
    [30],
    [60],
    [25, 12],
    [25, 4, 25],
    [30, 0.3],
    [15, 1, 0.2],
  ]);
  // The rate differs by day and by night.
  const intervalAt = (atS: number) => 1 / (rates[Math.floor((atS / seconds) * rates.length)] as number);
  const intervalS = intervalAt(0);
  const trembling = pick(next, [0, 0, 0.05, 0.3]);
  const groups = pick(next, [[0.5], [1], [2], [4], [1, 3], [7], [12]]);
  const loss = pick(next, [0, 0, 0.02]);
  const pauses = pick(next, [0, 0, 0.002]);
  const news = pick(next, [0, 0, 0.2]);
  const reorderS = pick(next, [0, 0, 2 * intervalS]);
  const all: Happening[] = [];
  let groupEndS = 0;
  for (let atS = 1; atS < seconds; atS += intervalAt(atS) + (next() < pauses ? next() * 8 : 0)) {
    const key = atS >= groupEndS;
    if (key) {
      groupEndS = atS + pick(next, groups);
    }
    if (key && all.length > 0 && next() < news) {
      all.push({ atS, track: 0, isNew: true });
    }
    if (key || next() >= loss) {
      const dts = Math.round((atS + trembling * intervalS * next()) * 90_000);
      const pts = dts + Math.round(reorderS * 90_000 * (key ? 1 : pick(next, [0, 1, 2])));
      all.push({ atS, track: 0, pts, dts, key });
    }
  }
  return all;
}

/** Audio that arrives late or early, with occasional silence. */
function sounds(next: Random, track: number, sound: Track, seconds: number): Happening[] {
  const ticks = sound.codec === 'aac' ? sound.frameSamples : 960;
  const lateS = pick(next, [0, 0, 0.2, 1.3, -0.5]);
  const silence = pick(next, [0, 0, 0.002]);
  const all: Happening[] = [];
  for (let pts = sound.clockRate; pts < seconds * sound.clockRate; pts += ticks) {
    if (next() < silence) {
      pts += Math.round(next() * 5 * sound.clockRate);
    }
    all.push({ atS: pts / sound.clockRate + lateS, track, pts, dts: pts, key: true });
  }
  return all;
}

/** Each sample's bytes say which it is. */
function writer(stream: Stream, tracks: readonly Track[]) {
  const buffers = tracks.map(({ kind }) => new SampleBuffer(kind === 'video' ? VIDEO_SAMPLES : AUDIO_SAMPLES));
  return (happening: Happening): void => {
    const { track } = happening;
    if ('isNew' in happening) {
      stream.setTrack(track, { ...tinyH264 });
      return;
    }
    const { pts, dts, key, atS } = happening;
    const buffer = buffers[track] as SampleBuffer;
    const data = contentOf(dts, key);
    buffer.append(data, 0, data.length);
    stream.write(track, { pts, dts, key, wall: 1e12 + atS * 1000, data: buffer.take() });
  };
}

const contentOf = (dts: number, key: boolean): Uint8Array => new Uint8Array(key ? 400 : 60).fill(dts % 251);

interface Heard {
  readonly line: SegmentLine;
  readonly runs: readonly FragmentRun[];
}

/** Follows a rendition's playlists and checks them. */
class Watcher {
  readonly heard = new Map<number, Heard>();
  readonly name: string;
  readonly #muxer: Muxer;
  readonly clockRate: number;
  readonly #known = new Map<string, number>();
  #last: MediaPlaylist | undefined;
  #nextPart: number | undefined;

  constructor(name: string, muxer: Muxer, clockRate: number) {
    this.name = name;
    this.#muxer = muxer;
    this.clockRate = clockRate;
  }

  look({ playlist }: HlsRendition): void {
    if (!playlist || playlist === this.#last) {
      return;
    }
    const last = this.#last;
    this.#last = playlist;
    expect(playlist.targetDurationS).toBeGreaterThanOrEqual(last?.targetDurationS ?? 1);
    expect(playlist.targetDurationS).toBeLessThanOrEqual(30);
    this.#lookAtTarget(playlist);
    expect(last?.claimsIndependence === false && playlist.claimsIndependence).toBe(false);
    const numbers = playlist.segments.map(({ number }) => number);
    const [first = 0] = numbers;
    expect(numbers).toEqual(numbers.map((_, i) => first + i));
    expect(first).toBeGreaterThanOrEqual(last?.segments[0]?.number ?? 0);
    for (const line of playlist.segments) {
      this.#lookAt(line, playlist);
    }
    if (playlist.running) {
      expect(playlist.running.number).toBe((numbers.at(-1) ?? 0) + 1);
      this.#lookAtParts(playlist.running.parts);
      expect(playlist.running.nextPartName).toMatch(
        new RegExp(`^p_${this.name}_part${this.#nextPart ?? '\\d+'}\\.mp4$`),
      );
    }
  }

  /** No listed part is longer than the current part target, whatever the target was when the part was made. */
  #lookAtTarget({ segments, running, partTargetS }: MediaPlaylist): void {
    const listed = [...segments, ...(running ? [running] : [])].flatMap(({ parts }) => parts);
    expect(listed.every(({ durationS }) => durationS <= (partTargetS ?? 0))).toBe(true);
  }

  #lookAt(line: SegmentLine, playlist: MediaPlaylist): void {
    const known = this.heard.get(line.number);
    if (known) {
      expect({ ...line, parts: [] }).toEqual({ ...known.line, parts: [] });
      return;
    }
    expect(line.durationS).toBeGreaterThan(0);
    expect(Math.round(line.durationS)).toBeLessThanOrEqual(playlist.targetDurationS);
    this.#lookAtParts(line.parts);
    if (line.parts.length === 0 && this.#nextPart !== undefined && !line.isGap) {
      // Several segments ended at once: the parts are no longer listed, but the announced one can be loaded.
      expect(playlist.segments.at(-1)?.number).toBeGreaterThanOrEqual(line.number + 2);
      expect(this.#read(`p_${this.name}_part${this.#nextPart}.mp4`)).toHaveLength(1);
      this.#nextPart = undefined;
    }
    if (line.parts.length > 0) {
      const sumS = line.parts.reduce((sum, { durationS }) => sum + durationS, 0);
      expect(sumS).toBeCloseTo(line.durationS, 6);
    }
    const runs = line.isGap ? [] : this.#read(line.name);
    if (!line.isGap) {
      expect(this.#muxer.file(line.init?.name ?? '')?.sizeBytes).toBeGreaterThan(0);
      expect(line.isIndependent).toBe(runs[0]?.isSync(0));
      expect(ticksOf(runs) / this.clockRate).toBeCloseTo(line.durationS, 6);
    }
    this.heard.set(line.number, { line, runs });
  }

  #lookAtParts(parts: SegmentLine['parts']): void {
    for (const { name, durationS, isIndependent } of parts) {
      if (this.#known.has(name)) {
        expect(this.#known.get(name)).toBe(durationS);
        continue;
      }
      this.#known.set(name, durationS);
      const number = Number(/_part(\d+)\.mp4$/.exec(name)?.[1]);
      // A kept segment may be complete at its start: its parts are not listed.
      expect(number).toBe(this.#nextPart ?? number);
      this.#nextPart = number + 1;
      const [run] = this.#read(name) as [FragmentRun];
      expect(isIndependent).toBe(run.isSync(0));
      expect(durationS).toBeGreaterThan(0);
    }
  }

  /** The fragments of a file. */
  #read(name: string): FragmentRun[] {
    const file = this.#muxer.file(name);
    const bytes = Buffer.concat(file?.pieces ?? []);
    expect(bytes.length).toBe(file?.sizeBytes);
    const runs: FragmentRun[] = [];
    for (let at = 0; at < bytes.length; ) {
      const fragment = parseFragment(bytes.subarray(at));
      const [run] = fragment?.runs ?? [];
      if (!run) {
        throw new Error(`${name} ends in the middle`);
      }
      let dts = run.baseTime - 10 * this.clockRate;
      let start = at + run.dataOffset;
      for (let i = 0; i < run.count; i += 1) {
        const size = run.sizes[i] as number;
        expect(bytes[start] === dts % 251 && bytes[start + size - 1] === dts % 251).toBe(true);
        dts += run.durations[i] as number;
        start += size;
      }
      runs.push(run);
      at = start;
    }
    return runs;
  }
}

const ticksOf = (runs: readonly FragmentRun[]): number =>
  runs.reduce((sum, { durationTicks }) => sum + durationTicks, 0);
const startOf = ({ runs }: Heard): number => runs[0]?.baseTime ?? Number.NaN;
const endOf = (heard: Heard): number => startOf(heard) + ticksOf(heard.runs);

/** Fragments follow each other in time, without a gap where the playlist names none. */
function isInOrder(watcher: Watcher, mayPause: boolean): void {
  let end: number | undefined;
  for (const heard of watcher.heard.values()) {
    if (heard.line.isGap) {
      continue;
    }
    for (const run of heard.runs) {
      if (end !== undefined && (mayPause || heard.line.isDiscontinuity)) {
        expect(run.baseTime).toBeGreaterThanOrEqual(end);
      } else {
        expect(run.baseTime).toBe(end ?? run.baseTime);
      }
      end = run.baseTime + run.durationTicks;
    }
  }
}

function isAtEqualTimes(video: Watcher, audio: Watcher): void {
  const { clockRate } = audio;
  const [first] = video.heard.values();
  const delayS = (first?.runs[0]?.compositionOffsets?.[0] ?? 0) / 90_000;
  for (const [number, heard] of audio.heard) {
    const leading = video.heard.get(number);
    expect(heard.line.isDiscontinuity).toBe(leading?.line.isDiscontinuity ?? heard.line.isDiscontinuity);
    if (leading && !heard.line.isGap) {
      expect(startOf(heard) / clockRate).toBeGreaterThanOrEqual(startOf(leading) / 90_000 + delayS - 1e-4);
      // Up to the end of a sample that crosses the segment's end.
      expect(endOf(heard) / clockRate).toBeLessThanOrEqual(endOf(leading) / 90_000 + delayS + 0.2);
    }
  }
}

function run(seed: number, seconds: number): number {
  const next = random(seed);
  const heardSounds = SOUNDS.slice(0, pick(next, [0, 1, 1, 2]));
  const tracks: readonly Track[] = next() < 0.15 && heardSounds.length > 0 ? heardSounds : [tinyH264, ...heardSounds];
  const happenings = tracks.flatMap((track, i) =>
    track.kind === 'video' ? pictures(next, seconds) : sounds(next, i, track, seconds),
  );
  // A stable sort keeps the order of simultaneous samples.
  happenings.sort((a, b) => a.atS - b.atS);
  const options: MuxerOptions = {
    prefix: 'p',
    variant: pick(next, ['lowLatency', 'fmp4']),
    segmentCount: pick(next, [3, 7]),
    segmentDurationMs: pick(next, [1000, 1000, 2000]),
    partDurationMs: pick(next, [200, 200, 500]),
    segmentMaxBytes: 1 << 24,
  };
  const stream = new Stream(tracks);
  const write = writer(stream, tracks);
  const joined = Math.floor(next() * 0.4 * happenings.length);
  for (const happening of happenings.slice(0, joined)) {
    write(happening);
  }
  const ends: unknown[] = [];
  const muxer = new Muxer('cam', stream, options, (cause) => ends.push(cause));
  const watchers = new Map<string, Watcher>();
  const look = () => {
    for (const rendition of muxer.renditions) {
      const clockRate = tracks.find(({ kind }, i) => rendition.name === `${kind}${i + 1}`)?.clockRate ?? 0;
      const watcher = watchers.get(rendition.name) ?? new Watcher(rendition.name, muxer, clockRate);
      watchers.set(rendition.name, watcher);
      watcher.look(rendition);
    }
  };
  muxer.start();
  look();
  for (const happening of happenings.slice(joined)) {
    write(happening);
    look();
  }
  const [leading, ...others] = [...watchers.values()] as [Watcher, ...Watcher[]];
  isInOrder(leading, false);
  for (const watcher of others) {
    isInOrder(watcher, true);
    if (tracks[0]?.kind === 'video') {
      isAtEqualTimes(leading, watcher);
    }
  }
  stream.close();
  expect(ends).toEqual([undefined]);
  return leading.heard.size;
}

const [RUNS, SECONDS] = LENGTH === 'long' ? [1_000, 120] : [20, 45];

test('for any stream, every playlist is valid and every file holds its samples', () => {
  let segments = 0;
  for (let seed = 1; seed <= RUNS; seed += 1) {
    try {
      segments += run(seed, SECONDS);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  expect(segments).toBeGreaterThan(RUNS * 5);
});
