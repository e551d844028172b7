import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { feed, startRecorder, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import type { Sample } from '../media/sample/sample.ts';
import { Stream } from '../stream/stream.ts';

test('a recorder that failed by a bug reports it until it records again', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path);
  const pictures = tinyVideo(20, 10, 10, 0, WALL);
  feed(running.stream, [pictures]);
  const last = pictures.at(-1) as Sample;
  const faulty = {
    ...last,
    dts: last.dts + 9_000,
    get wall(): number {
      throw new Error('a fault');
    },
  };
  running.stream.write(0, faulty);
  expect(running.recorder.state).toMatchObject({
    kind: 'failed',
    why: 'fault',
    error: 'the recorder failed by a bug: it restarts when the camera reconnects',
  });
  const next = new Stream([tinyH264]);
  running.recorder.start(next);
  expect(running.recorder.state.kind).toBe('failed');
  feed(next, [tinyVideo(30, 10, 10, 0, WALL + 60_000)]);
  next.close();
  await running.recorder.stop();
  expect(running.recorder.state.kind).toBe('idle');
  expect(running.log.finishedFiles.length).toBeGreaterThan(0);
});

test('files rejected by the disk are counted', async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(join(folder.path, 'cam'), 'a file where a folder is needed');
  const running = startRecorder(folder.path);
  feed(running.stream, [tinyVideo(30, 10, 10, 0, WALL)]);
  await expect.poll(() => running.recorder.refusedFiles).toBe(1);
  expect(running.recorder.state.kind).toBe('failed');
  running.stream.close();
  await running[Symbol.asyncDispose]();
});
