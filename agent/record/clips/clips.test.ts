import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { PowerCutDisk } from '../../../test/support/disks/power-cut-disk.ts';
import {
  bootClockOf,
  feed,
  opusSound,
  opusTrack,
  SegmentLogBook,
  startRecorder,
  type TestRecorder,
  temporaryFolder,
} from '../../../test/support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../base/log.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';
import { EventHub, type NewEvent } from '../events/event-hub.ts';
import { EventJournal } from '../events/event-journal.ts';
import type { SegmentFs } from '../file/segment-fs.ts';
import { Recorder, type RecorderOptions } from '../recorder.ts';
import { recoverFile } from '../recovery/recovery.ts';
import { FlushPoint } from '../write/flush.ts';

const NO_EVENTS = { listen: () => () => {}, running: () => [] };

interface ClipRun extends AsyncDisposable, Omit<TestRecorder, typeof Symbol.asyncDispose> {
  readonly hub: EventHub;
  /** Lets the camera send for this long. */
  play(ms: number): Promise<void>;
  /** Reports an event; default: motion that starts now. */
  tell(event?: Partial<NewEvent>): Promise<void>;
  /** Seconds from the beginning of the stream: beginning and end of each recording, once the path has stopped. */
  clips(): Promise<[number, number][]>;
}

/** A camera of ten pictures a second that records around events. */
async function startClips(
  folder: string,
  options: Partial<RecorderOptions> & {
    gop?: number;
    preRollMs?: number;
    postRollMs?: number;
    ringBytes?: number;
    fs?: SegmentFs;
  } = {},
  tracks: readonly Track[] = [tinyH264],
): Promise<ClipRun> {
  const { gop = 20, preRollMs = 5_000, postRollMs = 10_000, ringBytes = 16 << 20, fs, ...rest } = options;
  let hub: EventHub | undefined;
  const running = startRecorder(
    folder,
    {
      ...rest,
      clips: {
        preRollMs,
        postRollMs,
        ringBytes,
        events: {
          listen: (listener) => hub?.listen(listener) ?? (() => {}),
          running: (path) => hub?.running(path) ?? [],
        },
      },
    },
    tracks,
    undefined,
    fs,
  );
  const { clock, recorder, log } = running;
  await recorder.stop();
  hub = new EventHub(new EventJournal({ folder: `${folder}/events`, logger: silentLogger }), clock, silentLogger);
  const theHub = hub;
  recorder.start(running.stream);
  const startMs = clock.wallMs();
  const video = tinyVideo(3_000, 10, gop, 0, startMs);
  const sound = opusSound(15_000, 0, startMs);
  let atMs = 0;
  return {
    ...running,
    hub: theHub,
    play: async (ms) => {
      for (const endMs = atMs + ms; atMs < endMs; atMs += 1_000) {
        await clock.advance(1_000);
        const from = atMs / 100;
        const pieces = [video.slice(from, from + 10), sound.slice(from * 5, from * 5 + 50)];
        feed(running.stream, pieces.slice(0, tracks.length));
      }
    },
    tell: async (event = {}) => {
      await theHub.add({ path: 'cam', type: 'motion', source: 'api', ...event });
    },
    clips: async () => {
      await recorder.stop();
      const seconds = (us: number) => Math.round((us / 1000 - startMs) / 10) / 100;
      return log.finishedFiles
        .map(({ startUs, durationMs }): [number, number] => [seconds(startUs), seconds(startUs + durationMs * 1000)])
        .sort((a, b) => a[0] - b[0]);
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await theHub.close();
    },
  };
}

test('without an event nothing is written', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  await run.play(60_000);
  expect(run.recorder.state).toEqual({ kind: 'waiting' });
  expect(await run.clips()).toEqual([]);
  expect(run.log.openedFiles).toEqual([]);
});

test.for([
  // The event is reported at 30 s and lasts 5 s unless it has an end.
  ['groups of 2 s', 20, {}, [24, 46]],
  ['groups of 10 s', 100, {}, [20, 50]],
  ['no time before and after it: its group', 100, { preRollMs: 0, postRollMs: 0 }, [20, 40]],
  ['a second before it', 20, { preRollMs: 1_000 }, [28, 46]],
] as const)(
  'a clip starts with a key frame before its event and ends with a complete GOP after it: %s',
  async ([, gop, options, clip]) => {
    using folder = temporaryFolder();
    await using run = await startClips(folder.path, { gop, ...options });
    await run.play(30_000);
    await run.tell();
    expect(run.recorder.state.kind).not.toBe('idle');
    await run.play(60_000);
    expect(run.recorder.state).toEqual({ kind: 'waiting' });
    expect(await run.clips()).toEqual([clip]);
  },
);

test('an event reported late still gets the time before it', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path, { gop: 10 });
  await run.play(30_000);
  const startUs = (run.clock.wallMs() - 2_000) * 1000;
  await run.tell({ startUs, endUs: startUs + 1e6 });
  await run.play(30_000);
  const [clip = [0, 0]] = await run.clips();
  expect(clip[0]).toBeGreaterThan(21);
  expect(clip[0]).toBeLessThanOrEqual(23);
  expect(clip[1]).toBe(39);
});

test('overlapping events make one clip, a later one makes another', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  for (let i = 0; i < 12; i += 1) {
    await run.play(10_000);
    await run.tell();
  }
  await run.play(40_000);
  await run.tell();
  await run.play(40_000);
  expect(await run.clips()).toEqual([
    [4, 136],
    [154, 176],
  ]);
  const [first, second] = run.log.openedFiles;
  expect(first?.file).not.toBe(second?.file);
});

test('a lasting event is recorded until its end is reported', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  await run.play(30_000);
  await run.tell({ state: 'start', id: 'a' });
  await run.play(20_000);
  await run.tell({ state: 'start', id: 'b' });
  await run.tell({ state: 'end', id: 'a' });
  await run.play(60_000);
  await run.tell({ state: 'end' });
  await run.play(30_000);
  expect(await run.clips()).toEqual([[24, 120]]);
});

test.for([
  ['fmp4', 1],
  ['fmp4', 3_600],
  ['mpegts', 1],
] as const)(
  'what led up to an event survives a power cut right after it: %s, parts of %i s',
  async ([format, partSeconds]) => {
    using folder = temporaryFolder();
    const disk = new PowerCutDisk();
    await using run = await startClips(folder.path, { fs: disk, format, partDurationMs: partSeconds * 1_000 }, [
      tinyH264,
      opusTrack,
    ]);
    await run.play(30_000);
    const isUnsynced = (): boolean =>
      [...disk.files.values()].some((file) => !file.isNamed || file.durable.length < file.bytes.length);
    await run.tell();
    // The clock stands still, so neither another part nor a flush round can follow.
    await expect.poll(() => disk.files.size > 0 && !isUnsynced()).toBe(true);
    const left = disk.afterCut(random(1), new Uint8Array(0), { keepsNames: 0 });
    const [file = ''] = left.files.keys();
    const result = await recoverFile(file, run.clock.wallMs() + 3_600_000, left);
    // From 24 s, the group before the pre-roll's first picture, to the last picture whose end is known.
    expect(result).toMatchObject({ kind: 'recovered', lostBytes: 0 });
    expect(result.kind === 'recovered' && result.durationMs).toBeGreaterThanOrEqual(5_900);
    await run.play(2_000);
    await run.tell();
    const { operations } = disk;
    await run.play(1_000);
    // A continuing clip is flushed like every recording: one part per second, and nothing else.
    expect(disk.operations - operations).toBeLessThanOrEqual(1);
  },
);

test('events of another path, and those of Perch itself, make no clip', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  await run.play(10_000);
  await run.tell({ path: 'garden' });
  await run.tell({ type: 'recording', source: 'perch' });
  await run.play(10_000);
  expect(await run.clips()).toEqual([]);
});

test('a wall clock that is set back or forward neither cuts a clip short nor makes it endless', async () => {
  using folder = temporaryFolder();
  for (const stepMs of [-10_800_000, 10_800_000]) {
    await using run = await startClips(folder.path, { path: `cam${stepMs}` });
    await run.play(30_000);
    await run.tell({ path: `cam${stepMs}` });
    run.clock.stepWall(stepMs);
    await run.play(60_000);
    const [clip = [0, 0]] = await run.clips();
    expect(clip[0]).toBe(24);
    // After a clock step the delay of pictures is unknown: one group more or less.
    expect(Math.abs(clip[1] - 46)).toBeLessThanOrEqual(2);
  }
});

test('a label of an event that is over keeps no clip, whatever the wall clock says', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  await run.play(30_000);
  await run.tell({ id: 'one' });
  await run.play(30_000);
  expect(run.recorder.state).toEqual({ kind: 'waiting' });
  run.clock.stepWall(-30_000);
  await run.hub.label('cam', 'one', []);
  await run.play(30_000);
  expect(await run.clips()).toEqual([[24, 46]]);
});

test('audio is in sync with video from the first frame on', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path, {}, [tinyH264, opusTrack]);
  await run.play(30_000);
  await run.tell();
  await run.play(30_000);
  expect(await run.clips()).toEqual([[24, 46]]);
});

test('samples kept before an event stay within their limit', async () => {
  using folder = temporaryFolder();
  const ringBytes = 100_000;
  await using run = await startClips(folder.path, { ringBytes, preRollMs: 3_600_000 }, [tinyH264, opusTrack]);
  for (let i = 0; i < 60; i += 1) {
    await run.play(1_000);
    expect(run.recorder.keptBytes).toBeLessThanOrEqual(ringBytes);
  }
  expect(run.recorder.keptBytes).toBeGreaterThan(ringBytes / 2);
  await run.recorder.stop();
  expect(run.recorder.keptBytes).toBe(0);
});

test('without a kept GOP a key frame is requested, and the clip starts there', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path, { ringBytes: 5_000, gop: 100 });
  let asked = 0;
  run.stream.onKeyFrameWanted = () => {
    asked += 1;
  };
  await run.play(33_000);
  await run.tell();
  expect(asked).toBe(1);
  await run.play(60_000);
  expect(await run.clips()).toEqual([[40, 50]]);
});

test('a stream that starts during an event is recorded from its first GOP on', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  await run.play(10_000);
  await run.tell({ state: 'start' });
  run.stream.close();
  const stream = new Stream([tinyH264]);
  run.recorder.start(stream);
  feed(stream, [tinyVideo(50, 10, 10, 0, run.clock.wallMs())]);
  stream.close();
  expect(await run.clips()).toEqual([
    [4, 10],
    [10, 15],
  ]);
});

test('between events the recorder shows the state of the disk, and its return at once', async () => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  let refusal: string | undefined;
  const recorder = new Recorder(
    {
      path: 'cam',
      recordPath: `${folder.path}/%path/%s-%f`,
      partDurationMs: 1_000,
      maxPartBytes: 50e6,
      segmentDurationMs: 3_600_000,
      clips: { preRollMs: 5_000, postRollMs: 0, events: NO_EVENTS },
    },
    {
      flush,
      log: new SegmentLogBook(),
      clock,
      bootClock: bootClockOf(clock),
      logger: silentLogger,
      disks: { refusal: () => refusal, failed: () => {} },
    },
  );
  recorder.start(new Stream([tinyH264]));
  expect(recorder.state).toEqual({ kind: 'waiting' });
  refusal = 'the disk is full';
  expect(recorder.state).toMatchObject({ kind: 'failed', error: 'the disk is full' });
  refusal = undefined;
  expect(recorder.state).toEqual({ kind: 'waiting' });
  await recorder.stop();
  expect(recorder.state).toEqual({ kind: 'idle' });
  await flush.close();
});

test('new parameter sets do not mix with earlier cached samples', async () => {
  using folder = temporaryFolder();
  await using run = await startClips(folder.path);
  await run.play(20_000);
  run.stream.setTrack(0, { ...tinyH264, fps: 10 });
  await run.play(4_000);
  await run.tell();
  await run.play(30_000);
  expect(await run.clips()).toEqual([[20, 40]]);
});
