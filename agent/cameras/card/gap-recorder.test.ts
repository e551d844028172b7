import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  bootClockOf,
  filesBelow,
  SegmentLogBook,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../base/log.ts';
import { diskFs, type SegmentFs } from '../../record/file/segment-fs.ts';
import { Recorder } from '../../record/recorder.ts';
import { FlushPoint } from '../../record/write/flush.ts';
import { type CardGroup, GapRecorder } from './gap-recorder.ts';

/** A disk that rejects a write at this time, or takes it later. */
class Disk {
  isFull = false;
  busy: Promise<void> | undefined;
  readonly fs: SegmentFs = {
    ...diskFs,
    create: async (file) => {
      const handle = await diskFs.create(file);
      const { append } = handle;
      handle.append = (pieces, done) =>
        this.isFull
          ? void setImmediate(done, Object.assign(new Error('full'), { code: 'ENOSPC' }), 0)
          : void Promise.resolve(this.busy).then(() => append.call(handle, pieces, done));
      return handle;
    },
  };
}

/** One group a second. @param bytes at least, of each picture */
const group = (second: number, bytes = 0): CardGroup => ({
  ...{ startMs: WALL + second * 1_000, endMs: WALL + (second + 1) * 1_000, originMs: WALL },
  ...{ video: tinyH264, audio: undefined },
  units: tinyVideo(10, 10, 10, second * 90_000, WALL).map(({ pts, dts, key, data }) => ({
    ...{ isVideo: true, pts, dts, key, data: bytes > 0 ? Buffer.concat([data, Buffer.alloc(bytes)]) : data },
  })),
});

async function recorderOn(folder: string, disk: Disk) {
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  const log = new SegmentLogBook();
  const recorder = new Recorder(
    {
      ...{ path: 'cam', recordPath: `${folder}/%path/%Y-%m-%d_%H-%M-%S-%f`, partDurationMs: 1_000, maxPartBytes: 50e6 },
      ...{ segmentDurationMs: 3_600_000, zone: 'UTC', fetchedFrom: 'card' },
    },
    { flush, log, clock, bootClock: bootClockOf(clock), logger: silentLogger, fs: disk.fs },
  );
  return { gap: new GapRecorder(recorder, 'cam'), recorder, flush, log };
}

test('what the disk has taken is complete at the end', async () => {
  using folder = temporaryFolder();
  const { gap, flush, log } = await recorderOn(folder.path, new Disk());
  for (let second = 0; second < 4; second += 1) {
    gap.write(group(second));
  }
  await gap.end();
  await flush.close();
  expect(log.finishedFiles.map(({ durationMs }) => durationMs)).toEqual([4_000]);
});

test('a disk that fails after the last group was accepted: the gap is not filled, and its file is finished', async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const { gap, recorder, flush, log } = await recorderOn(folder.path, disk);
  for (let second = 0; second < 4; second += 1) {
    gap.write(group(second));
  }
  await expect.poll(() => recorder.state.kind).toBe('recording');
  disk.isFull = true;
  gap.write(group(4));
  gap.write(group(5));
  await expect(gap.end()).rejects.toThrow(/disk|full|space/i);
  await flush.close();
  expect(filesBelow(folder.path)).toHaveLength(1);
  expect(log.finishedFiles).toHaveLength(1);
});

test('what waits for the disk counts, also of files before the newest one', async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const { gap, flush, log } = await recorderOn(folder.path, disk);
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.busy = promise;
  gap.write(group(0, 150_000));
  // After a pause another file begins, and the group before it goes to the disk.
  gap.write(group(10));
  expect(gap.isBehind).toBe(true);
  resolve();
  await expect.poll(() => gap.isBehind).toBe(false);
  await gap.end();
  await flush.close();
  expect(log.finishedFiles.map(({ durationMs }) => durationMs)).toEqual([1_000, 1_000]);
});

test('a disk that is slower than the camera has to take what waits before more should come', async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const { gap, flush, log } = await recorderOn(folder.path, disk);
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.busy = promise;
  gap.write(group(0, 50_000));
  expect(gap.isBehind).toBe(false);
  // The last picture of a group waits for its end.
  gap.write(group(1, 300_000));
  gap.write(group(2, 300_000));
  expect(gap.isBehind).toBe(true);
  resolve();
  await expect.poll(() => gap.isBehind).toBe(false);
  gap.write(group(3));
  await gap.end();
  await flush.close();
  expect(log.finishedFiles.map(({ durationMs }) => durationMs)).toEqual([4_000]);
});
