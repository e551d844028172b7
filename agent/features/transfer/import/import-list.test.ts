import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { filesBelow, record, WALL } from '../../../../test/support/disks/recordings.ts';
import { LOSSES, PowerCut, PowerCuts } from '../../../../test/support/disks/unsynced-loss.ts';
import { good } from '../../../../test/support/harness/loaded-config.ts';
import { getBytes, openPlayback, TEMPLATE } from '../../../../test/support/harness/playback.ts';
import { testInZone } from '../../../../test/support/harness/time-zone.ts';
import { plainMp4 } from '../../../../test/support/media/plain-mp4.ts';
import { readPlainMp4 } from '../../../../test/support/media/read-mp4.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { freeSpaceBytes } from '../../../config/values/free-space.ts';
import { saveSnapshot } from '../../../record/snapshots/snapshot-files.ts';
import { Copier } from '../../../recordings/copy/copier.ts';
import { recordingOf } from '../../../recordings/copy/forecast.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import { groupOf, lookInto } from './import-groups.ts';
import { ImportList } from './import-list.ts';

testInZone('UTC');

/** In the short length the power is cut before every second operation, others for each disk. */
const CUT_STEP = byLength(2, 1);
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
  const deps = { clock, playback, refusal, isOpen: () => false, zone: 'UTC' };
  const minFreeBytes = (diskBytes: number) => freeSpaceBytes(config.recordMinFree, diskBytes);
  const settingsOf = (path: string) => recordingOf(config, path);
  const isOwn = (file: string) => playback.stateOf(file) !== undefined;
  const list = new ImportList(from, items, memory, { ...deps, settingsOf, isOwn });
  const job = new Copier(list, memory, { ...deps, minFreeBytes });
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

const OLD_MS = 1e12;
const age = (file: string) => utimesSync(file, OLD_MS / 1000, OLD_MS / 1000);
/** By name below the folder, with the time of the last change. */
const contentOf = (folder: string) =>
  filesBelow(folder).map((file) => [file.slice(folder.length), statSync(file).mtimeMs, readFileSync(file, 'hex')]);

/** Files of Frigate, which are rewritten, and a recording with a still, which is copied. */
async function makeSource(from: string): Promise<void> {
  for (const minute of ['00', '01']) {
    const file = join(from, `2026-07-01/14/front/${minute}.00.mp4`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, movie(20));
    age(file);
  }
  const [recording = ''] = await record(join(from, 'old'), 3, { wall: WALL });
  await saveSnapshot(recording, Buffer.from([0xff, 0xd8, 1]), WALL + 1_000);
  filesBelow(join(from, 'old')).forEach(age);
}
const SOURCE_ITEMS = [
  { group: 'frigate:front', path: 'cam' },
  { group: 'old/cam', path: 'gate' },
];

/** What players get: of a file that is rewritten the identifiers are new. */
async function playedOf({ playback }: Pick<ReturnType<typeof openImport>, 'playback'>) {
  const spans = [];
  for (const path of ['cam', 'gate']) {
    spans.push(await playback.list(path, undefined, undefined, ''));
  }
  const samples = [...readPlainMp4(await getBytes(playback, 2 * 3_600_000, 62, 'mp4')).values()];
  return [spans, samples.map((track) => track.map(({ data }) => data.toString('hex')))];
}

/** As of a stick: `link` fails there. */
function withoutLinks(): () => void {
  const { link } = promises;
  promises.link = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' }));
  syncBuiltinESMExports();
  return () => {
    promises.link = link;
    syncBuiltinESMExports();
  };
}

test.for([['hard links'], ['no hard links']] as const)(
  'a power cut before any operation on a disk with %s loses nothing, doubles nothing and leaves the source alone',
  { timeout: byLength(60_000, 300_000) },
  async ([links]) => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-cuts-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [from, to, template] = ['from', 'to', 'template'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await makeSource(template);
    const begin = () => {
      for (const one of [from, to]) {
        rmSync(one, { recursive: true, force: true });
      }
      cpSync(template, from, { recursive: true, preserveTimestamps: true });
      filesBelow(from).forEach(age);
      mkdirSync(to);
    };
    const given = { items: SOURCE_ITEMS, slowMs: 6_000 };
    if (links === 'no hard links') {
      // Before power cuts take it over.
      onTestFinished(withoutLinks());
    }
    begin();
    const source = contentOf(from);
    let operations: number;
    {
      using cuts = new PowerCuts(from, to);
      await openImport(from, to, given).run();
      operations = cuts.happened;
    }
    const names = filesBelow(to).map((file) => file.slice(to.length));
    const still = readFileSync(
      join(from, 'old', names.find((name) => name.endsWith('.jpg'))?.replace('gate', 'cam') ?? ''),
    );
    const played = await playedOf(openImport(from, to));
    expect(names.filter((name) => /\.(?:mp4|jpg)$/.test(name))).toHaveLength(4);
    expect(operations).toBeGreaterThan(30);
    const faults: string[] = [];
    for (let at = links === 'hard links' ? 0 : CUT_STEP - 1; at < operations; at += CUT_STEP) {
      for (const loss of byLength([LOSSES[Math.floor(at / CUT_STEP) % LOSSES.length] ?? 'nothing'], LOSSES)) {
        begin();
        let memory: object = {};
        {
          using cuts = new PowerCuts(from, to);
          cuts.left = at;
          const first = openImport(from, to, given);
          await first.run().catch((error: unknown) => {
            // An import that cannot write waits; the power comes back meanwhile.
            const cause = error instanceof PowerCut ? error : (error as Error).cause;
            expect(cause).toBeInstanceOf(PowerCut);
          });
          cuts.switchOn(loss);
          memory = first.memory;
        }
        const again = openImport(from, to, { ...given, memory });
        await again.run();
        const now = filesBelow(to).map((file) => file.slice(to.length));
        const isSame =
          JSON.stringify(now) === JSON.stringify(names) &&
          JSON.stringify(await playedOf(again)) === JSON.stringify(played) &&
          readFileSync(join(to, now.find((name) => name.endsWith('.jpg')) ?? '')).equals(still);
        if (!isSame || JSON.stringify(contentOf(from)) !== JSON.stringify(source) || again.left.length > 0) {
          faults.push(`${loss} lost at ${at} of ${operations}: ${now} ${JSON.stringify(again.left)}`);
        }
      }
    }
    expect(faults).toEqual([]);
  },
);

test('bad files are left out by name, and all others are taken', async () => {
  const { from, to } = await folders();
  const put = (name: string, bytes: Uint8Array) => {
    const file = join(from, 'nas', name);
    writeFileSync(file, bytes);
    age(file);
    return file;
  };
  const good = movie(20);
  const at = (second: number) => `2026-07-01_13-10-${String(second).padStart(2, '0')}`;
  const odd = [
    "a 'quoted' $(name) ; #&.mp4",
    'line\nbreak.mp4',
    'ünïcødé 视频 🎥.mp4',
    '-rf --.mp4',
    'a\\b.mp4',
    `${'x'.repeat(200)}.mp4`,
  ];
  for (const [i, name] of odd.entries()) {
    put(`${at(i * 3)} ${name}`, good);
  }
  put(`${at(30)}.mp4`, new Uint8Array());
  put(`${at(31)}.mp4`, good.subarray(0, good.length / 2));
  put(`${at(32)}.mp4`, Buffer.from('GIF89a no film'));
  put(`${at(33)}.mkv`, good);
  put(`${at(34)}.ts`, Buffer.alloc(4_096, 0xff));
  const middle = Buffer.from(good);
  middle.fill(0xff, middle.indexOf('stsz') + 4, middle.indexOf('stsz') + 20);
  put(`${at(35)}.mp4`, middle);
  writeFileSync(
    Buffer.concat([Buffer.from(join(from, 'nas/2026-07-01_13-10-50 ')), Buffer.of(0xff, 0xfe), Buffer.from('.mp4')]),
    good,
  );
  mkdirSync(join(from, `nas/${at(51)}.mp4`));
  mkdirSync(join(from, 'nas/.Trash-1000'));
  put(`.Trash-1000/${at(52)}.mp4`, good);
  const before = contentOf(join(from, 'door'));
  const { run, left, counts, playback } = openImport(from, to);
  await run();
  expect(left.map(({ file, why }) => [file.replace('nas/', ''), why]).sort()).toEqual([
    [`${at(30)}.mp4`, 'damaged'],
    [`${at(31)}.mp4`, 'damaged'],
    [`${at(32)}.mp4`, 'damaged'],
    [`${at(33)}.mkv`, 'foreign'],
    [`${at(34)}.ts`, 'damaged'],
    [`${at(35)}.mp4`, 'damaged'],
    ['2026-07-01_13-10-50 \ufffd\ufffd.mp4', 'unreadable'],
    ['holiday.mp4', 'noTime'],
  ]);
  expect(moviesIn(join(to, 'gate'))).toHaveLength(1 + odd.length);
  expect(filesBelow(to).filter((file) => file.includes('.part'))).toEqual([]);
  expect(counts.done).toBe(counts.files);
  // They follow each other with a second between them, which is no gap.
  const seconds = (await playback.list('gate', undefined, undefined, '')).map(({ duration }) => duration);
  expect(seconds).toEqual([2, 17]);
  expect(contentOf(join(from, 'door'))).toEqual(before);
});

test('a disk that fills up stops the import, which continues with the next file when there is room', async () => {
  const { from, to } = await folders();
  const full = openImport(from, to, { minFree: '900000G' });
  await expect(full.run()).rejects.toMatchObject({ code: 'exhausted', context: { why: 'full' } });
  expect(moviesIn(to)).toEqual([]);
  // In the middle of a file.
  let calls = 0;
  const { link } = promises;
  const stop = withoutLinks();
  promises.link = async (one, other) => {
    calls += 1;
    if (calls === 2) {
      throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'link' });
    }
    return link(one, other);
  };
  syncBuiltinESMExports();
  const half = openImport(from, to);
  await expect(half.run()).rejects.toMatchObject({ code: 'exhausted', context: { why: 'full' } });
  stop();
  expect([moviesIn(to).length, half.counts.done]).toEqual([1, 1]);
  expect(filesBelow(to).filter((file) => file.includes('.part'))).toEqual([]);
  // The same job is called again.
  await half.run();
  expect(half.counts).toMatchObject({ files: 3, done: 4, present: 0 });
  expect(moviesIn(to)).toHaveLength(3);
});

test('a source that is away makes it wait instead of leaving everything out', async () => {
  const { from, to } = await folders();
  const away = `${from}-away`;
  const { run, left, counts } = openImport(from, to, {
    wait: async () => {
      if (counts.done === 1) {
        await promises.rename(from, away).catch(() => {});
      }
    },
  });
  await expect(run()).rejects.toMatchObject({ context: { why: 'away' } });
  expect(left).toEqual([]);
  mkdirSync(from);
  // An empty mount point.
  await expect(run()).rejects.toMatchObject({ context: { why: 'away' } });
  rmSync(from, { recursive: true });
  await promises.rename(away, from);
  counts.done = 1_000;
  await run();
  expect(moviesIn(to)).toHaveLength(3);
});

test('a folder that cannot be read is named', async () => {
  const { from } = await folders();
  mkdirSync(join(from, 'locked'));
  chmodSync(join(from, 'locked'), 0);
  chmodSync(join(from, '..'), 0o755);
  const { leftOut } = await withoutRoot(() => lookInto(from, LOOK));
  expect(leftOut.items).toContainEqual(expect.objectContaining({ file: 'locked', why: 'unreadable' }));
});

/** Root may read everything. */
async function withoutRoot<T>(work: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    process.seteuid?.('nobody');
  }
  try {
    return await work();
  } finally {
    if (isRoot) {
      process.seteuid?.(0);
    }
  }
}
