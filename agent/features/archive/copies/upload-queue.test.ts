import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import type { LocalRecording, RecordingSource } from '../storage/contracts.ts';
import { UploadQueue } from './upload-queue.ts';

const SCAN_MS = 60_000;
const HOUR_US = 3_600e6;

function openQueue() {
  const clock = new FakeClock();
  const nowUs = clock.wallMs() * 1_000;
  const recordings: LocalRecording[] = [];
  const uploaded = new Set<LocalRecording>();
  let isAway = false;
  const source = {
    isWhole: true,
    names: async () => ['door'],
    scopeOf: () => 'all',
    keptMs: () => 0,
    finishedFrom: (_path: string, fromUs: number, toUs: number) => {
      if (isAway) {
        throw new Error('the index is away');
      }
      return recordings
        .filter(({ startUs }) => startUs >= fromUs && startUs <= toUs)
        .sort((a, b) => a.startUs - b.startUs);
    },
  };
  const queue = new UploadQueue({
    source: source as unknown as RecordingSource,
    ledger: { has: (one) => uploaded.has(one as LocalRecording) },
    clock,
  });
  const { signal } = new AbortController();
  return {
    /** @param hours how long ago it begins */
    record: (hours: number): LocalRecording => {
      const startUs = nowUs - hours * HOUR_US;
      const facts = { path: 'door', file: `/door/${hours}.mp4`, durationUs: HOUR_US, sizeBytes: 1 };
      const recording = { ...facts, startUs, nameUs: startUs };
      recordings.push(recording);
      queue.recorded(recording);
      return recording;
    },
    /** A scan that cannot read the index. */
    failingScan: async (): Promise<void> => {
      clock.skip(SCAN_MS);
      isAway = true;
      await expect(queue.scan(signal)).rejects.toThrow('away');
      isAway = false;
    },
    /** What the next scan finds, which is uploaded. */
    next: async (): Promise<readonly string[]> => {
      clock.skip(SCAN_MS);
      let isOver = false;
      const scan = queue.scan(signal).then(() => {
        isOver = true;
      });
      while (!isOver) {
        await clock.advance(10);
      }
      await scan;
      const files: string[] = [];
      for (let one = queue.first(); one; one = queue.first()) {
        files.push(one.file);
        uploaded.add(one);
        queue.done(one);
      }
      return files;
    },
  };
}

test('a recording of an earlier time, as from the card of a camera, is found by the next scan', async () => {
  const { record, next } = openQueue();
  record(9);
  record(5);
  expect(await next()).toEqual(['/door/9.mp4', '/door/5.mp4']);
  record(1);
  expect(await next()).toEqual(['/door/1.mp4']);
  record(7);
  expect(await next()).toEqual(['/door/7.mp4']);
  expect(await next()).toEqual([]);
});

test('a recording of an earlier time is found by the scan after one that failed', async () => {
  const { record, next, failingScan } = openQueue();
  record(5);
  expect(await next()).toEqual(['/door/5.mp4']);
  expect(await next()).toEqual([]);
  record(7);
  await failingScan();
  expect(await next()).toEqual(['/door/7.mp4']);
});
