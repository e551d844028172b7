import { expect, test } from 'vitest';
import type { Deletion, DeletionCandidate } from '../retention/deletions.ts';
import {
  freeSpace,
  type IndexedRecording,
  keepPathLimits,
  type OldestRecordings,
  oldestBelow,
  onThisDisk,
} from './free-space.ts';

const MB = 1_000_000;
const recording = (folder: string, startUs: number): IndexedRecording => ({
  file: `${folder}/${startUs}.mp4`,
  path: 'cam',
  startUs,
  nameUs: startUs,
  durationUs: 1,
});

/** An index as the real one answers: in lots, each after the last of the lot before. */
function indexOf(files: readonly IndexedRecording[], ownBytes = 0): OldestRecordings {
  const sorted = [...files].sort((a, b) => a.startUs - b.startUs);
  const lot = (fits: readonly IndexedRecording[], limit: number, after: IndexedRecording | undefined) => {
    const from = after ? fits.indexOf(after) + 1 : 0;
    return fits.slice(from, from + limit);
  };
  return {
    isWhole: true,
    oldestOwn: (folder, limit, after) =>
      lot(
        sorted.filter(({ file }) => file.startsWith(`${folder}/`)),
        limit,
        after,
      ),
    oldestOwnOf: (path, limit, after) =>
      lot(
        sorted.filter((one) => one.path === path),
        limit,
        after,
      ),
    bytesOf: () => ({ ownBytes }),
  };
}

function deleting(answer: (doomed: DeletionCandidate) => Deletion = () => ({ kind: 'deleted', diskBytes: MB })) {
  const deleted: string[] = [];
  return {
    deleted,
    hold: undefined,
    delete: async (doomed: DeletionCandidate) => {
      const result = answer(doomed);
      if (result.kind === 'deleted') {
        deleted.push(doomed.file);
      }
      return result;
    },
    pause: async () => {},
    removeEmptyFolders: async () => {},
    endSweep: () => {},
  };
}

const signal = new AbortController().signal;

test('files of several folders of one disk are listed in one order, each once, in any number', () => {
  const files = Array.from({ length: 730 }, (_, i) => recording(i % 3 ? '/rec/a' : '/rec/b/c', i));
  const all = [...oldestBelow(indexOf(files), ['/rec/a', '/rec/b', '/rec/b/c'])];
  expect(all.map(({ startUs }) => startUs)).toEqual(files.map(({ startUs }) => startUs));
});

test('an empty disk has no oldest recording', () => {
  expect([...oldestBelow(indexOf([]), ['/a', '/b'])]).toEqual([]);
  expect([...oldestBelow(indexOf([]), [])]).toEqual([]);
});

test('those of another disk that is mounted below are left out, however many and old they are', async () => {
  const files = [
    ...Array.from({ length: 25_000 }, (_, i) => recording('/rec/door', i)),
    recording('/rec/yard', 30_000),
  ];
  const asked: string[] = [];
  const isHere = async (folder: string) => asked.push(folder) > 0 && folder !== '/rec/door';
  const deletions = deleting();
  const oldest = onThisDisk(oldestBelow(indexOf(files), ['/rec']), isHere);
  await freeSpace(2 * MB, oldest, ['/rec'], deletions, signal);
  expect(deletions.deleted).toEqual(['/rec/yard/30000.mp4']);
  expect(asked).toEqual(['/rec/door', '/rec/yard']);
});

test('the search for recordings of this disk has an end', async () => {
  const files = Array.from({ length: 250_000 }, (_, i) => recording('/rec/door', i));
  let seen = 0;
  const counted = function* () {
    for (const file of files) {
      seen += 1;
      yield file;
    }
  };
  await freeSpace(
    MB,
    onThisDisk(counted(), async () => false),
    ['/rec'],
    deleting(),
    signal,
  );
  expect(seen).toBe(200_000);
});

test('recordings that stay are skipped, but not without end', async () => {
  const files = Array.from({ length: 25_000 }, (_, i) => recording('/rec', i));
  let asked = 0;
  const deletions = deleting(() => {
    asked += 1;
    return { kind: 'kept', because: 'not ours' };
  });
  await freeSpace(MB, files, ['/rec'], deletions, signal);
  expect(asked).toBe(20_000);
});

test('recordings are deleted until enough space is free, by their size on disk', async () => {
  const files = Array.from({ length: 10 }, (_, i) => recording('/rec', i));
  const deletions = deleting(({ file }) => ({ kind: 'deleted', diskBytes: file.includes('/0') ? 5 * MB : MB }));
  const room = await freeSpace(6.5 * MB, files, ['/rec'], deletions, signal);
  expect(room).toEqual({ files: 3, diskBytes: 7 * MB, stuck: undefined });
});

test('protected recordings are skipped, and the lack of space is explained', async () => {
  const files = Array.from({ length: 4 }, (_, i) => recording('/rec', i));
  const answers: Deletion[] = [
    { kind: 'kept', because: 'not ours' },
    { kind: 'gone' },
    { kind: 'kept', because: 'protected' },
    { kind: 'deleted', diskBytes: MB },
  ];
  const deletions = deleting(({ file }) => answers[Number(file.slice('/rec/'.length, -'.mp4'.length))] as Deletion);
  const room = await freeSpace(2 * MB, files, ['/rec'], deletions, signal);
  expect(room).toMatchObject({ files: 1, diskBytes: MB, stuck: expect.stringContaining('1 recordings are protected') });
  expect(deletions.deleted).toEqual(['/rec/3.mp4']);
});

test('a path above its limit loses its oldest recordings, one below loses nothing', async () => {
  const files = Array.from({ length: 10 }, (_, i) => recording('/rec', i));
  const keep = async (ownBytes: number) => {
    const deletions = deleting();
    const limits = [['cam', 50 * MB] as const];
    await keepPathLimits(limits, indexOf(files, ownBytes), ['/rec'], deletions, signal);
    return deletions.deleted;
  };
  expect(await keep(50 * MB)).toEqual([]);
  expect(await keep(52.5 * MB)).toEqual(['/rec/0.mp4', '/rec/1.mp4', '/rec/2.mp4']);
});
