import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fake-clock.ts';
import { temporaryFolder } from '../../test/recordings.ts';
import { FlushPoint } from './flush.ts';
import { SegmentFile } from './segment-file.ts';

function open(flush: FlushPoint, folder: string): { file: SegmentFile; started: Promise<string> } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const file = new SegmentFile({
    nameOf: (clash) => join(folder, `${clash}.mp4`),
    queueBytes: 1 << 20,
    flush,
    onStarted: resolve,
    onFailure: reject,
  });
  file.append([Buffer.from('part')], 4);
  return { file, started: promise };
}

test('a file that finds its name taken by one being written leaves that one registered and gets the next name', async () => {
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
    expect(await file.finish(Buffer.from('index'), { offset: 0, durationMs: 1 })).toBe(true);
  }
  expect(names.map((name) => flush.isOpen(name))).toEqual([false, false]);
  expect(readFileSync(join(folder.path, '2.mp4')).subarray(4).toString()).toBe('index');
  await flush.close();
});
