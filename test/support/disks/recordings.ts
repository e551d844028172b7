import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../agent/base/log.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { OpusTrack, Track } from '../../../agent/media/sample/track.ts';
import type { SegmentFs } from '../../../agent/record/file/segment-fs.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../../../agent/record/file/segment-log.ts';
import { type BootClock, type DiskGuard, Recorder, type RecorderOptions } from '../../../agent/record/recorder.ts';
import { FlushPoint } from '../../../agent/record/write/flush.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { tinyH264, tinyVideo } from '../media/tiny-h264.ts';

/** A folder that is removed at the end of the test. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'perch-recordings-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs `work` without root's rights, to which every file is open. Files below `folder` stay writable. */
export async function asNobody<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) {
    return work();
  }
  for (const entry of [
    folder,
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((n) => join(folder, n)),
  ]) {
    if ((statSync(entry).mode & 0o777) !== 0) {
      chmodSync(entry, 0o777);
    }
  }
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Every file below a folder, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

export const opusTrack: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 1 };
/** An Opus packet of 20 ms of silence (RFC 6716: CELT, 20 ms, mono). */
const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/** Audio for `tinyVideo`: packets of 20 ms. */
export function opusSound(count: number, startTicks = 0, startWall = 0): Sample[] {
  return Array.from({ length: count }, (_, i) => {
    const pts = startTicks + i * 960;
    return { pts, dts: pts, wall: startWall + i * 20, key: true, data: OPUS_SILENCE };
  });
}

export class SegmentLogBook implements SegmentLog {
  readonly openedFiles: Segment[] = [];
  readonly finishedFiles: FinishedSegment[] = [];
  readonly removedFiles: string[] = [];

  /** The finished files in the order of their times: the disk may finish them in another. */
  get names(): string[] {
    return this.finishedFiles.map((segment) => segment.file).sort();
  }

  opened(segment: Segment): void {
    this.openedFiles.push(segment);
  }

  finished(segment: FinishedSegment): void {
    this.finishedFiles.push(segment);
  }

  removed(file: string): void {
    this.removedFiles.push(file);
  }
}

/** A machine that was started an hour before the clock's zero. */
export const bootClockOf = (clock: FakeClock): BootClock => ({
  bootId: '0123456789abcdef0123456789abcdef',
  monoUs: () => (3_600_000 + clock.monoMs()) * 1000,
  isTrusted: true,
});

export interface TestRecorder extends AsyncDisposable {
  readonly recorder: Recorder;
  readonly stream: Stream;
  readonly clock: FakeClock;
  readonly flush: FlushPoint;
  readonly log: SegmentLogBook;
}

/** A recorder that writes real files below `folder`; one-second parts, key frames decide the rest. */
export function startRecorder(
  folder: string,
  options: Partial<RecorderOptions> = {},
  tracks: readonly Track[] = [tinyH264],
  log = new SegmentLogBook(),
  fs?: SegmentFs,
  disks?: DiskGuard,
): TestRecorder {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  const stream = new Stream(tracks);
  const recorder = new Recorder(
    {
      path: 'cam',
      recordPath: join(folder, '%path/%Y-%m-%d_%H-%M-%S-%f'),
      partDurationMs: 1_000,
      maxPartBytes: 50e6,
      segmentDurationMs: 3_600_000,
      zone: 'UTC',
      ...options,
    },
    {
      flush,
      log,
      clock,
      bootClock: bootClockOf(clock),
      logger: silentLogger,
      ...(fs && { fs }),
      ...(disks && { disks }),
    },
  );
  recorder.start(stream);
  return {
    recorder,
    stream,
    clock,
    flush,
    log,
    async [Symbol.asyncDispose]() {
      await recorder.stop();
      await flush.close();
    },
  };
}

/** Writes samples of several tracks in the order of their capture. */
export function feed(stream: Stream, tracks: readonly (readonly Sample[])[]): void {
  const all = tracks.flatMap((samples, track) => samples.map((sample) => ({ track, sample })));
  all.sort((a, b) => a.sample.wall - b.sample.wall || a.track - b.track);
  for (const { track, sample } of all) {
    stream.write(track, sample);
  }
}

export const WALL = Date.UTC(2026, 6, 1, 12, 0, 0);

/** Records this many seconds of pictures (10 a second, a key picture each second). @returns the files */
export async function record(
  folder: string,
  seconds: number,
  options: Partial<RecorderOptions> & { wall?: number; sound?: boolean; gop?: number } = {},
): Promise<string[]> {
  const { wall = WALL, sound = false, gop = 10, ...rest } = options;
  const tracks = sound ? [tinyH264, opusTrack] : [tinyH264];
  await using running = startRecorder(folder, rest, tracks);
  const video = tinyVideo(seconds * 10, 10, gop, 900_000, wall);
  feed(running.stream, sound ? [video, opusSound(seconds * 50, 480_000, wall)] : [video]);
  running.stream.close();
  await running.recorder.stop();
  return running.log.names;
}
