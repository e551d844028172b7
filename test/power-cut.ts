import type { Sample } from '../agent/media/sample.ts';
import { readRecordingHead, readRecordingTable } from '../agent/record/recording-file.ts';
import { recoverFile } from '../agent/record/recovery.ts';
import type { SegmentHandle } from '../agent/record/segment-fs.ts';
import { PowerCutDisk } from './power-cut-disk.ts';
import { random } from './random.ts';
import { feed, opusSound, opusTrack, startRecorder } from './recordings.ts';
import { tinyH264, tinyVideo } from './tiny-h264.ts';

const SECONDS = 24;
/** Between two flushes, and what a part and a sample may wait before that. */
const INTERVAL_MS = 5_000;
const PART_MS = 1_000;
const SLACK_MS = 600;

export interface PowerCut {
  /** What the machine finds when it is started again. */
  readonly disk: PowerCutDisk;
  /** What was recorded, and is older than the flush interval. */
  readonly promised: { readonly video: readonly Sample[]; readonly sound: readonly Sample[] };
  readonly nowMs: number;
}

/** Records until the power fails, at a moment that the seed decides; files are changed every seven seconds. */
export async function recordUntilPowerCut(seed: number): Promise<PowerCut> {
  const next = random(seed);
  const disk = new PowerCutDisk(Math.floor(next() * 60));
  const running = startRecorder('/rec', { segmentDurationMs: 7_000 }, [tinyH264, opusTrack], undefined, disk);
  const { clock } = running;
  const startMs = clock.wallMs();
  const video = tinyVideo(SECONDS * 10, 10, 5, 900_000, startMs);
  const sound = opusSound(SECONDS * 50, 480_000, startMs);
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
    promised: { video: within(video, 0, safeMs), sound: within(sound, 0, safeMs) },
    nowMs: clock.wallMs(),
  };
}

let stale: Promise<Uint8Array> | undefined;

/** The fragments of a recording that was deleted before: what its blocks still hold. */
function staleFragments(): Promise<Uint8Array> {
  stale ??= (async () => {
    const disk = new PowerCutDisk();
    await using running = startRecorder('/rec', {}, [tinyH264, opusTrack], undefined, disk);
    feed(running.stream, [tinyVideo(100, 10, 5, 900_000, 0), opusSound(500, 480_000, 0)]);
    running.stream.close();
    await running.recorder.stop();
    const [inode] = disk.files.values();
    const bytes = inode?.bytes ?? Buffer.alloc(0);
    return bytes.subarray(bytes.indexOf('moof') - 4);
  })();
  return stale;
}

/** Finishes what is left, and cuts the power in the middle of that too when the seed says so. */
export async function recoverAll(cut: PowerCut, seed: number): Promise<PowerCutDisk> {
  const next = random(seed);
  let { disk } = cut;
  if (next() < 0.3) {
    disk = disk.afterCut(next, await staleFragments(), Math.floor(next() * 12));
    for (const file of disk.files.keys()) {
      const done = recoverFile(file, cut.nowMs, disk);
      await Promise.race([done, untilOff(disk)]);
    }
    disk = disk.afterCut(next, await staleFragments());
  }
  for (const file of disk.files.keys()) {
    await recoverFile(file, cut.nowMs, disk);
  }
  return disk;
}

async function untilOff(disk: PowerCutDisk): Promise<void> {
  while (!disk.isOff) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Every sample of the finished files, by track and by its time in the stream. @throws when one is there twice */
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

const keyOf = (trackId: number, seconds: number): string => `${trackId} at ${seconds.toFixed(3)}`;

async function bytesAt(handle: SegmentHandle, at: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  await handle.read(bytes, 0, sizeBytes, at);
  return bytes;
}

/** Which of the promised samples are not there, or not as they were. */
export async function missingOn(disk: PowerCutDisk, { promised }: PowerCut): Promise<string[]> {
  const found = await samplesOn(disk);
  const wanted = [
    ...promised.video.map((sample) => ({ key: keyOf(1, sample.dts / tinyH264.clockRate), sample })),
    ...promised.sound.map((sample) => ({ key: keyOf(2, sample.dts / opusTrack.clockRate), sample })),
  ];
  return wanted.filter(({ key, sample }) => !found.get(key)?.equals(sample.data)).map(({ key }) => key);
}
