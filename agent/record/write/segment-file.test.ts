import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { diskFs, type SegmentFs } from '../file/segment-fs.ts';
import { FlushPoint, HANGING_MS } from './flush.ts';
import { SegmentFile } from './segment-file.ts';

function open(
  flush: FlushPoint,
  folder: string,
  fs: SegmentFs = diskFs,
): { file: SegmentFile; started: Promise<string> } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const file = new SegmentFile({
    fs,
    nameOf: (clash) => join(folder, `${clash}.mp4`),
    queueBytes: 1 << 20,
    flush,
    onStarted: resolve,
    onFailure: reject,
  });
  file.append([Buffer.from('part')], 4);
  return { file, started: promise };
}

test('a file whose name is in use leaves the other one registered and gets the next name', async () => {
  using folder = temporaryFolder();
  const flush = new FlushPoint(new FakeClock(), 5_000);
  const first = open(flush, folder.path);
  const second = open(flush, folder.path);
  const names = await Promise.all([first.started, second.started]);
  expect(new Set(names)).toEqual(new Set([join(folder.path, '0.mp4'), join(folder.path, '1.mp4')]));
  expect(names.map((name) => flush.isOpen(name))).toEqual([true, true]);
  const third = open(flush, folder.path);
  expect(await third.started).toBe(join(folder.path, '2.mp4'));
  expect(names.map((name) => flush.isOpen(name))).toEqual([true, true]);
  for (const { file } of [first, second, third]) {
    expect(
      await file.finish({
        pieces: [Buffer.from('index')],
        duration: { offset: 0, durationMs: 1 },
        startMs: 1e12,
        endMs: 1e12 + 5_000,
      }),
    ).toBe(true);
  }
  expect(names.map((name) => flush.isOpen(name))).toEqual([false, false]);
  const { atimeMs, mtimeMs } = statSync(join(folder.path, '2.mp4'));
  expect([atimeMs, mtimeMs]).toEqual([1e12, 1e12 + 5_000]);
  expect(readFileSync(join(folder.path, '2.mp4')).subarray(4).toString()).toBe('index');
  await flush.close();
});

test('other users of the machine cannot read a recording', async () => {
  using folder = temporaryFolder();
  const flush = new FlushPoint(new FakeClock(), 5_000);
  const { file, started } = open(flush, folder.path);
  expect(statSync(await started).mode & 0o027).toBe(0);
  await file.finish({ pieces: [], duration: undefined, startMs: 1e12, endMs: 1e12 });
  await flush.close();
});

test('files that cannot be created on a hanging disk wait in order, and the disk is reported as hanging', async () => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const flush = new FlushPoint(clock, 5_000);
  let asked = 0;
  const stuck: SegmentFs = {
    ...diskFs,
    makeFolder: () => {
      asked += 1;
      return new Promise(() => {});
    },
  };
  for (let camera = 0; camera < 4; camera += 1) {
    open(flush, join(folder.path, String(camera)), stuck);
  }
  await expect.poll(() => asked).toBe(1);
  await clock.advance(HANGING_MS);
  expect(asked).toBe(1);
  expect(flush.isHanging(await diskFs.deviceOf(folder.path))).toBe(true);
  await flush.close();
});
