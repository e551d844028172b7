import { expect, onTestFinished } from 'vitest';
import { silentLogger } from '../../../agent/base/log.ts';
import type { DeletionCandidate } from '../../../agent/record/retention/deletions.ts';
import { type DiskEvent, Disks } from '../../../agent/record/space/disks.ts';
import type { IndexedRecording } from '../../../agent/record/space/free-space.ts';
import { KnownDisks } from '../../../agent/record/space/known-disks.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { SimulatedDisk } from '../disks/simulated-disk.ts';

export const emptyMemory = () =>
  new KnownDisks(
    'disks.json',
    (text) => expect.unreachable(text),
    async () => {},
  );

/** All disks of a box over a simulated one, on a fake clock. */
export function setUpDisks(minFreePercent = 10, memory = emptyMemory()) {
  const clock = new FakeClock();
  const disk = new SimulatedDisk();
  const events: DiskEvent[] = [];
  const stopped: string[] = [];
  const hanging = new Set<number>();
  const flushes = { count: 0, totalMs: 0 };
  const index = {
    isWhole: true,
    oldestOwn: (_folder: string, limit: number, after?: IndexedRecording) => {
      const from = after
        ? disk.files.findIndex(({ startUs, file }) => startUs >= after.startUs && file !== after.file)
        : 0;
      return from < 0 ? [] : disk.files.slice(from, from + limit);
    },
    oldestOwnOf: () => [],
    bytesOf: () => ({ ownBytes: 0 }),
  };
  const deletions = {
    get hold() {
      return disk.hold;
    },
    delete: (doomed: DeletionCandidate) => disk.delete(doomed),
    pause: async () => {},
    removeEmptyFolders: async () => {},
    endSweep: () => {},
  };
  const disks = new Disks({
    clock,
    probe: disk,
    memory,
    rules: {
      folders: () => ['/rec'],
      minFreeBytes: (totalBytes) => (totalBytes * minFreePercent) / 100,
      needsDisk: () => disk.isNeeded,
      ageLimitMs: () => undefined,
    },
    index,
    deletions,
    stopRecording: (folder) => stopped.push(folder),
    onEvent: (event) => events.push(event),
    isHanging: (device) => hanging.has(device),
    flushTimes: () => flushes,
    logger: silentLogger,
  });
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  onTestFinished(async () => {
    stop.abort();
    await clock.advance(60_000);
    await running;
  });
  return {
    ...{ clock, disk, disks, events, stopped, hanging, flushes, index, memory },
    state: () => disks.list()[0],
    begin: async () => {
      running = disks.keep(async () => {}, stop.signal);
      await clock.advance(1);
    },
  };
}
