import type { Sample } from '../../../agent/media/sample/sample.ts';
import { writeFragmentChecksum } from '../../../agent/record/file/fragment-checksum.ts';
import { FragmentWalk, readInit } from '../../../agent/record/file/fragment-walk.ts';
import { readRecordingHead } from '../../../agent/record/file/recording-file.ts';
import { readRecordingTable } from '../../../agent/record/file/recording-table.ts';
import type { SegmentHandle } from '../../../agent/record/file/segment-fs.ts';
import { recoverFile } from '../../../agent/record/recovery/recovery.ts';
import { random } from '../base/random.ts';
import { tinyH264, tinyVideo } from '../media/tiny-h264.ts';
import { PowerCutDisk } from './power-cut-disk.ts';
import { feed, opusSound, opusTrack, startRecorder } from './recordings.ts';

const SECONDS = 24;
/** The stream's own time when it begins. */
export const STREAM_SECONDS = 10;
/** Time between two flushes, and the time that a part and a sample may wait before that. */
const INTERVAL_MS = 5_000;
const PART_MS = 1_000;
const SLACK_MS = 600;
/** Offset of the sequence number in a `moof`: it is in the first box. */
const SEQUENCE_OFFSET = 20;

export interface PowerCut {
  /** State of the disk at the next start. */
  readonly disk: PowerCutDisk;
  /** All samples given to the recorder, by track and by time in the stream. */
  readonly recorded: ReadonlyMap<string, Uint8Array>;
  /** Those of them that are older than the flush interval. */
  readonly promised: readonly string[];
  /** When the stream began, and when the power failed: Unix milliseconds. */
  readonly startMs: number;
  readonly nowMs: number;
}

export interface CutMoment {
  /** The power fails within one of this many disk operations: some three a second. */
  readonly operations?: number;
  /** Bytes of each picture; undefined: as many as it needs. */
  readonly pictureBytes?: number;
}

/** Records until the power fails, at a moment that the seed decides; files are changed every seven seconds. */
export async function recordUntilPowerCut(
  seed: number,
  { operations = 60, pictureBytes }: CutMoment = {},
): Promise<PowerCut> {
  const next = random(seed);
  const disk = new PowerCutDisk(Math.floor(next() * operations));
  const running = startRecorder('/rec', { segmentDurationMs: 7_000 }, [tinyH264, opusTrack], undefined, disk);
  const { clock } = running;
  const startMs = clock.wallMs();
  const grown = (data: Uint8Array) =>
    pictureBytes === undefined ? data : Uint8Array.from({ length: pictureBytes }, () => next() * 256);
  const video = tinyVideo(SECONDS * 10, 10, 5, STREAM_SECONDS * 90_000, startMs).map((sample) => ({
    ...sample,
    data: grown(sample.data),
  }));
  const sound = opusSound(SECONDS * 50, STREAM_SECONDS * 48_000, startMs);
  const within = (samples: readonly Sample[], fromMs: number, toMs: number) =>
    samples.filter(({ wall }) => wall >= startMs + fromMs && wall < startMs + toMs);
  let atMs = 0;
  for (; atMs < SECONDS * 1000 && !disk.isOff; atMs += 500) {
    feed(running.stream, [within(video, atMs, atMs + 500), within(sound, atMs, atMs + 500)]);
    await clock.advance(500);
  }
  const safeMs = atMs - INTERVAL_MS - PART_MS - SLACK_MS;
  return {
    disk: disk.afterCut(next, await staleFragments()),
    recorded: new Map([...keysOf(video, 1), ...keysOf(sound, 2)].map(({ key, data }) => [key, data])),
    promised: [...keysOf(within(video, 0, safeMs), 1), ...keysOf(within(sound, 0, safeMs), 2)].map(({ key }) => key),
    startMs,
    nowMs: clock.wallMs(),
  };
}

let stale: Promise<Uint8Array> | undefined;

/**
 * The fragments of a recording that was deleted before: what its blocks still hold. They are whole, and later than all that a file
 * here has: only their numbers, which begin with 1, show that they belong to another file.
 */
function staleFragments(): Promise<Uint8Array> {
  stale ??= (async () => {
    const disk = new PowerCutDisk();
    await using running = startRecorder('/rec', {}, [tinyH264, opusTrack], undefined, disk);
    feed(running.stream, [tinyVideo(300, 10, 5, 900_000, 0), opusSound(1_500, 480_000, 0)]);
    running.stream.close();
    await running.recorder.stop();
    const [file = ''] = disk.files.keys();
    const handle = await disk.open(file);
    const { sizeBytes, init } = await readRecordingHead(handle);
    const walk = new FragmentWalk(handle, init, sizeBytes);
    const fragments: Buffer[] = [];
    for (let placed = await walk.next(); placed; placed = await walk.next()) {
      const { moofBytes, mdatHeaderBytes, runs } = placed.fragment;
      if (runs.every(({ baseTime, trackId }) => baseTime >= 10 * (init.tracks[trackId - 1]?.timescale ?? 0))) {
        const bytes = await bytesAt(handle, placed.offset, placed.fragment.sizeBytes);
        const header = bytes.subarray(0, moofBytes + mdatHeaderBytes);
        header.writeUInt32BE(fragments.length + 1, SEQUENCE_OFFSET);
        writeFragmentChecksum([header, bytes.subarray(header.length)]);
        fragments.push(bytes);
      }
    }
    return Buffer.concat(fragments);
  })();
  return stale;
}

/** Finishes the remaining files, and cuts the power in the middle of that as well if the seed says so. */
export async function recoverAll(cut: PowerCut, seed: number): Promise<PowerCutDisk> {
  const next = random(seed);
  let { disk } = cut;
  if (next() < 0.5) {
    disk = disk.afterCut(next, await staleFragments(), { cutAt: Math.floor(next() * 9) });
    // The last file first or last: the first may be whole and cost no operation.
    const files = next() < 0.5 ? [...disk.files.keys()] : [...disk.files.keys()].reverse();
    for (const file of files) {
      let isDone = false;
      const done = recoverFile(file, cut.nowMs, disk).finally(() => {
        isDone = true;
      });
      // Operations under way at the power failure never end.
      await Promise.race([done, until(() => isDone || disk.isOff)]);
    }
    disk = disk.afterCut(next, await staleFragments());
  }
  return recoverRest(disk, cut);
}

/** Finishes the remaining files. */
export async function recoverRest(disk: PowerCutDisk, { nowMs }: PowerCut): Promise<PowerCutDisk> {
  for (const file of disk.files.keys()) {
    await recoverFile(file, nowMs, disk);
  }
  return disk;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Every sample of the finished files, by track and by its time in the stream. @throws on a duplicate */
export async function samplesOn(disk: PowerCutDisk): Promise<Map<string, Buffer>> {
  const samples = new Map<string, Buffer>();
  for (const file of disk.files.keys()) {
    const handle = await disk.open(file);
    const head = await readRecordingHead(handle).catch(() => undefined);
    if (head?.isFinished && head.mark) {
      const { table } = await readRecordingTable(handle, head);
      for (const { trackId, count, sizes, durations, runs } of table.tracks) {
        const { timescale = 1 } = head.init.tracks.find((track) => track.id === trackId) ?? {};
        let [run, time, at] = [-1, 0, 0];
        for (let i = 0; i < count; i += 1) {
          if (i === runs.firstSamples[run + 1]) {
            run += 1;
            time = runs.baseTimes[run] ?? 0;
            at = runs.dataOffsets[run] ?? 0;
          }
          const key = keyOf(trackId, head.mark.dtsUs / 1e6 + time / timescale);
          if (samples.has(key)) {
            throw new Error(`${file}: a second sample ${key}`);
          }
          samples.set(key, await bytesAt(handle, at, sizes[i] ?? 0));
          time += durations[i] ?? 0;
          at += sizes[i] ?? 0;
        }
      }
    }
  }
  return samples;
}

export const keyOf = (trackId: number, seconds: number): string => `${trackId} at ${seconds.toFixed(3)}`;

async function bytesAt(handle: SegmentHandle, at: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  await handle.read(bytes, 0, sizeBytes, at);
  return bytes;
}

function keysOf(samples: readonly Sample[], trackId: 1 | 2) {
  const { clockRate } = trackId === 1 ? tinyH264 : opusTrack;
  return samples.map(({ dts, data }) => ({ key: keyOf(trackId, dts / clockRate), data }));
}

/** Faults of the recordings after a cut, in a few words. */
export async function faultsOn(disk: PowerCutDisk, cut: PowerCut): Promise<string[]> {
  const found = await samplesOn(disk);
  const missing = cut.promised.filter((key) => !found.has(key));
  const madeUp = [...found].filter(([key, bytes]) => !bytes.equals(cut.recorded.get(key) ?? Buffer.alloc(0)));
  const unlike: string[] = [];
  for (const file of disk.files.keys()) {
    if (!(await playsElsewhere(disk, file))) {
      unlike.push(`${file} is not what others read`);
    }
  }
  return [
    ...missing.slice(0, 1).map((key) => `${missing.length} samples are missing, ${key} first`),
    ...madeUp.slice(0, 1).map(([key]) => `${madeUp.length} samples are not those that were recorded, ${key} first`),
    ...unlike,
  ];
}

/** Programs that do not know our box type read the header and the fragments, and find as many samples. */
async function playsElsewhere(disk: PowerCutDisk, file: string): Promise<boolean> {
  const handle = await disk.open(file);
  const head = await readRecordingHead(handle).catch(() => undefined);
  if (!head?.isFinished) {
    return true;
  }
  const { table } = await readRecordingTable(handle, head);
  const init = await readInit(handle, head.sizeBytes);
  const walk = new FragmentWalk(handle, init, head.sizeBytes);
  let count = 0;
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    count += placed.fragment.runs.reduce((sum, run) => sum + run.count, 0);
  }
  return init.durationMs > 0 && count === table.tracks.reduce((sum, track) => sum + track.count, 0);
}
