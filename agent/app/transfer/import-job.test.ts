import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { filesBelow, record, WALL } from '../../../test/support/disks/recordings.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { openPlayback, TEMPLATE } from '../../../test/support/harness/playback.ts';
import { plainMp4 } from '../../../test/support/media/plain-mp4.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import type { LeftFile } from '../import/left-file.ts';
import { groupOf, lookInto } from './import-groups.ts';
import { ImportJob } from './import-job.ts';

const LOOK = { nowMs: WALL + 86_400_000, signal: new AbortController().signal, isOwn: () => false };

const movie = (count: number): Uint8Array =>
  plainMp4([
    {
      track: tinyH264,
      timescale: 1_000,
      samples: tinyVideo(count, 10, 5).map(({ data, key }) => ({ data, isKey: key, ticks: 100 })),
    },
  ]);

/** Folders of other programs' files, and of recordings. */
async function folders() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  mkdirSync(to);
  const put = (name: string, bytes: Uint8Array = movie(20)) => {
    const file = join(from, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    utimesSync(file, 1e9, 1e9);
  };
  put('2026-07-01/12/front/00.00.mp4');
  put('2026-07-01/12/front/00.02.mp4');
  put('2026-07-01/12/yard/00.00.mp4');
  put('nas/2026/07/01/2026-07-01_13-00-00.mp4');
  put('nas/holiday.mp4');
  for (const file of await record(join(from, 'door'), 2, { wall: WALL })) {
    utimesSync(file, 1e9, 1e9);
  }
  return { from, to };
}

test.for([
  ['2026-07-01/12/front/00.00.mp4', 'frigate:front'],
  ['front/2026-07-01_12-00-00-000000.mp4', 'front'],
  ['house/front/2026/07/01/2026-07-01_12-00-00.mp4', 'house/front'],
  ['house/20260701/2026-07-01_12-00-00.mp4', 'house'],
  ['2026-07-01_12-00-00.mp4', ''],
  ['2026/07/x.mp4', ''],
  ['cam1/x.mp4', 'cam1'],
] as const)('%s belongs to the group %s', ([name, group]) => {
  expect(groupOf(name)).toBe(group);
});

test('a look names the programs, cameras and times, and what cannot be imported', async () => {
  const { from } = await folders();
  const { groups, leftOut, isCut } = await lookInto(from, LOOK);
  expect(groups.map(({ group, program, files, first, last }) => [group, program, files, first, last])).toEqual([
    ['door/cam', 'perch', 1, '2026-07-01T12:00:00.000Z', '2026-07-01T12:00:00.000Z'],
    ['frigate:front', 'frigate', 2, '2026-07-01T12:00:00.000Z', '2026-07-01T12:00:02.000Z'],
    ['frigate:yard', 'frigate', 1, '2026-07-01T12:00:00.000Z', '2026-07-01T12:00:00.000Z'],
    ['nas', 'mp4', 1, '2026-07-01T13:00:00.000Z', '2026-07-01T13:00:00.000Z'],
  ]);
  expect(groups.map(({ name }) => name)).toEqual(['door/cam', 'front', 'yard', 'nas']);
  expect(leftOut).toMatchObject({ count: 1, items: [{ file: 'nas/holiday.mp4', why: 'noTime' }] });
  expect(isCut).toBe(false);
  expect(groups.every(({ bytes }) => bytes > 100)).toBe(true);
});

interface Given {
  readonly memory?: object;
  readonly refusal?: string;
  readonly items?: readonly { readonly group: string; readonly path: string }[];
  /** Milliseconds for each megabyte. */
  readonly slowMs?: number;
  readonly minFree?: string;
  readonly wait?: () => Promise<void>;
}

const ITEMS = [
  { group: 'frigate:front', path: 'cam' },
  { group: 'nas', path: 'gate' },
];

function openImport(from: string, to: string, given: Given = {}) {
  const { memory = {}, items = ITEMS, slowMs = 0, minFree = '0', wait = async () => {} } = given;
  const clock = new FakeClock();
  clock.stepWall(WALL + 86_400_000 - clock.wallMs());
  const playback = openPlayback(to);
  onTestFinished(() => playback.close());
  const config = good(`perch: own\nrecordMinFree: ${minFree}
pathDefaults: { recordPath: '${join(to, TEMPLATE)}', recordDeleteAfter: 0s }\npaths: { cam: {}, gate: {} }\n`);
  const left: LeftFile[] = [];
  const counts = { files: 0, bytes: 0, done: 0, doneBytes: 0, present: 0, parts: 0 };
  let kept: object = memory;
  const report = {
    left: (files: number, bytes: number) => void Object.assign(counts, { files, bytes }),
    forgetLeftOut: () => {},
    begin: () => {},
    bytes: () => {
      counts.parts += 1;
    },
    done: (bytes: number) => {
      counts.done += 1;
      counts.doneBytes += bytes;
    },
    isPresent: () => {
      counts.present += 1;
    },
    leftOut: (file: LeftFile) => void left.push(file),
    keep: async (next: object) => {
      kept = next;
    },
  };
  const refusal = () => given.refusal;
  const deps = { clock, config: () => config, playback, refusal, isOpen: () => false, zone: 'UTC' };
  const job = new ImportJob(from, items, memory, deps);
  return {
    ...{ left, counts, playback, job },
    get memory() {
      return kept;
    },
    run: (signal = new AbortController().signal) =>
      job.run(report, {
        signal,
        wait: async () => {
          clock.skip(slowMs);
          await wait();
          signal.throwIfAborted();
        },
      }),
  };
}

const moviesIn = (folder: string) => filesBelow(folder).filter((file) => file.endsWith('.mp4'));

test('groups become recordings of their paths, and their files stay', async () => {
  const { from, to } = await folders();
  const before = filesBelow(from).map((file) => [file, statSync(file).ino]);
  const { run, counts, left, playback } = openImport(from, to);
  await run();
  expect(moviesIn(to).map((file) => file.slice(to.length + 1))).toEqual([
    'cam/2026-07-01_12-00-00-000000.mp4',
    'cam/2026-07-01_12-00-02-000000.mp4',
    'gate/2026-07-01_13-00-00-000000.mp4',
  ]);
  expect(counts).toMatchObject({ files: 4, done: 4, doneBytes: counts.bytes });
  expect(left.map(({ file, why }) => [file, why])).toEqual([['nas/holiday.mp4', 'noTime']]);
  expect(filesBelow(from).map((file) => [file, statSync(file).ino])).toEqual(before);
  expect((await playback.list('cam', undefined, undefined, '')).map(({ duration }) => duration)).toEqual([4]);
});

test('an import continues with the group that was not done, and takes nothing twice', async () => {
  const { from, to } = await folders();
  const first = openImport(from, to);
  await first.run();
  expect(first.memory).toEqual({ item: 2 });
  const again = openImport(from, to, { memory: { item: 1 } });
  await again.run();
  expect(again.counts).toMatchObject({ files: 2, done: 2 });
  expect(moviesIn(to)).toHaveLength(3);
});

test('a disk that is away ends it with the reason', async () => {
  const { from, to } = await folders();
  const { run } = openImport(from, to, { refusal: 'its disk is not mounted' });
  await expect(run()).rejects.toMatchObject({ context: { why: 'away' } });
  expect(moviesIn(to)).toEqual([]);
});
