import { mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  filesBelow,
  SegmentLogBook,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../test/support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { readRecordingHead } from './file/recording-file.ts';

/** A disk that takes recordings or says why not. */
class Guard {
  text: string | undefined;
  readonly failures: [string, string][] = [];
  refusal = () => this.text;
  failed = (file: string, code: string) => {
    this.failures.push([file, code]);
  };
}

function start(folder: string, guard: Guard, segmentDurationMs = 3_600_000) {
  const running = startRecorder(folder, { segmentDurationMs }, [tinyH264], new SegmentLogBook(), undefined, guard);
  let second = 0;
  return {
    running,
    /** Writes this many seconds of pictures, with a key picture each second. */
    feed: (seconds: number) => {
      for (const sample of tinyVideo(seconds * 10, 10, 10, second * 90_000, WALL + second * 1000)) {
        running.stream.write(0, sample);
      }
      second += seconds;
    },
  };
}

const headOf = async (file: string) => {
  await using handle = await open(file);
  return await readRecordingHead(handle);
};

test('on a rejected disk nothing starts, the state has the reason, and recording starts at the next key frame after it', async () => {
  using folder = temporaryFolder();
  const guard = new Guard();
  guard.text = 'cannot record to /mnt/usb: its disk is not mounted';
  const { running, feed } = start(folder.path, guard);
  feed(3);
  expect(running.recorder.state).toMatchObject({ kind: 'failed', error: guard.text, why: 'disk' });
  expect(filesBelow(folder.path)).toEqual([]);
  guard.text = undefined;
  feed(3);
  running.stream.close();
  await running[Symbol.asyncDispose]();
  expect(running.log.finishedFiles.map(({ durationMs }) => durationMs)).toEqual([3_000]);
});

test('a full disk completes the file, and later samples are another recording', async () => {
  using folder = temporaryFolder();
  const guard = new Guard();
  const { running, feed } = start(folder.path, guard);
  feed(3);
  guard.text = 'cannot record to /mnt/usb: recording has stopped';
  running.recorder.interrupt(guard.text);
  feed(4);
  expect(running.recorder.state).toMatchObject({ kind: 'failed', error: guard.text, why: 'disk' });
  guard.text = undefined;
  feed(2);
  running.stream.close();
  await running[Symbol.asyncDispose]();
  const files = running.log.names;
  const heads = await Promise.all(files.map(headOf));
  expect(heads.map(({ isFinished }) => isFinished)).toEqual([true, true]);
  expect(new Set(heads.map(({ mark }) => mark?.streamId)).size).toBe(2);
  expect(running.log.finishedFiles.map(({ startUs }) => (startUs / 1000 - WALL) / 1000).sort()).toEqual([0, 7]);
});

test('a disk rejected just when a file is complete starts another recording when it returns', async () => {
  using folder = temporaryFolder();
  const guard = new Guard();
  const { running, feed } = start(folder.path, guard, 2_000);
  feed(2);
  guard.text = 'cannot record to /mnt/usb: its disk is not mounted';
  feed(600);
  guard.text = undefined;
  feed(1);
  running.stream.close();
  await running[Symbol.asyncDispose]();
  const heads = await Promise.all(running.log.names.map(headOf));
  expect(new Set(heads.map(({ mark }) => mark?.streamId)).size).toBe(2);
});

test('without a stream nothing is interrupted', async () => {
  using folder = temporaryFolder();
  const { running } = start(folder.path, new Guard());
  running.stream.close();
  running.recorder.interrupt('full');
  expect(running.recorder.state).toEqual({ kind: 'idle' });
  await running[Symbol.asyncDispose]();
});

test('the disk guard gets each rejected write with its code', async () => {
  using folder = temporaryFolder();
  const guard = new Guard();
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(join(folder.path, 'cam'), 'a file where a folder is needed');
  const { running, feed } = start(folder.path, guard);
  feed(3);
  await expect.poll(() => guard.failures.length).toBeGreaterThan(0);
  expect(guard.failures[0]).toEqual([expect.stringContaining(join(folder.path, 'cam')), expect.stringMatching(/^E/)]);
  running.stream.close();
  await running[Symbol.asyncDispose]();
});
