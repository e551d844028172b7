import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { openCatalog } from '../../../../test/support/disks/catalog.ts';
import { filesBelow, record, WALL } from '../../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles } from '../../../../test/support/disks/signed-recordings.ts';
import { LOSSES, PowerCut, PowerCuts } from '../../../../test/support/disks/unsynced-loss.ts';
import { TEMPLATE } from '../../../../test/support/harness/playback.ts';
import { parseResourceUri } from '../../../playback/vod/recorded-period.ts';
import { saveSnapshot } from '../../../record/snapshots/snapshot-files.ts';
import { Copier, type CopierDeps } from '../../../recordings/copy/copier.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import { MoveList, type MoveListDeps } from './move-list.ts';

const HOUR_MS = 3_600_000;

/** A folder on the disk of temporary files, and one in memory: two file systems. */
function disks() {
  const [from, to] = [mkdtempSync('/var/tmp/perch-from-'), mkdtempSync('/dev/shm/perch-to-')];
  expect(statSync(from).dev).not.toBe(statSync(to).dev);
  onTestFinished(() => {
    rmSync(from, { recursive: true });
    rmSync(to, { recursive: true });
  });
  return { from, to };
}

const KEY = newSigningKey();
const isFile = (file: string) => /\.(?:mp4|ts|jpg|sig)$/.test(file);
/** By name below the folder. */
const contentOf = (folder: string) =>
  new Map(
    filesBelow(folder).flatMap((file) =>
      isFile(file) ? [[file.slice(folder.length), readFileSync(file, 'hex')]] : [],
    ),
  );

async function makeRecordings(folder: string, count = 3): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const [file = ''] = await record(folder, 3, { wall: WALL + i * HOUR_MS, path: i === 1 ? 'yard' : 'cam' });
    await saveSnapshot(file, Buffer.from([0xff, 0xd8, i]), WALL + i * HOUR_MS + 1_000);
    await signFiles([file], KEY);
  }
}

type Deps = MoveListDeps & CopierDeps;

/** Moves between the templates of two folders, which playback knows. */
function openMove(from: string, to: string, more: Partial<Deps> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-index-'));
  const playback = openCatalog(folder, {
    recordPaths: [join(to, TEMPLATE), join(from, TEMPLATE)],
    paths: ['cam', 'yard'],
  });
  onTestFinished(async () => {
    await playback.close();
    rmSync(folder, { recursive: true });
  });
  const [left, kept]: [LeftFile[], Set<string>] = [[], new Set()];
  let memory: object = {};
  const counts = { files: 0, bytes: 0, done: 0 };
  const report = {
    left: (files: number, bytes: number) => void Object.assign(counts, { files, bytes, done: 0 }),
    forgetLeftOut: () => {
      left.length = 0;
    },
    isPresent: () => {},
    begin: () => {},
    bytes: () => {},
    done: () => {
      counts.done += 1;
    },
    leftOut: (file: LeftFile) => void left.push(file),
    keep: async (next: object) => {
      memory = next;
    },
  };
  const deps: Deps = {
    ...{ clock: new FakeClock(), playback, templateOf: () => join(to, TEMPLATE), zone: 'UTC' },
    ...{ isOpen: () => false, isIndexWhole: () => true },
    keep: (file) => {
      kept.add(file);
      return () => kept.delete(file);
    },
    ...{ refusal: () => undefined, minFreeBytes: () => 0 },
    ...more,
  };
  return {
    ...{ playback, report, deps, left, kept, counts },
    get memory() {
      return memory;
    },
    /** As after a start of the program. */
    run: async (signal = new AbortController().signal) => {
      await playback.rebuild(signal);
      const job = new Copier(new MoveList(undefined, deps), memory, deps);
      await job.run(report, { signal, wait: async () => signal.throwIfAborted() });
    },
  };
}

const startsOf = async ({ playback }: Pick<ReturnType<typeof openMove>, 'playback'>) => [
  await playback.list('cam', undefined, undefined, ''),
  await playback.list('yard', undefined, undefined, ''),
];

test('recordings, their stills and signatures go to another disk, and nothing is left behind', async () => {
  const { from, to } = disks();
  await makeRecordings(from);
  const content = contentOf(from);
  const times = filesBelow(from).map((file) => statSync(file).mtimeMs);
  const move = openMove(from, to);
  await move.run();
  expect(contentOf(to)).toEqual(content);
  expect(filesBelow(to).length).toBe(9);
  expect(filesBelow(from)).toEqual([]);
  expect(filesBelow(to).map((file) => statSync(file).mtimeMs)).toEqual(times.map((ms) => expect.closeTo(ms, 0)));
  expect(move.counts).toMatchObject({ files: 3, done: 3 });
  expect([move.left, move.kept.size]).toEqual([[], 0]);
  expect(move.playback.space.bytesOf('cam').files).toBe(2);
  await move.run();
  expect(move.counts).toMatchObject({ files: 0, bytes: 0, done: 0 });
});

test('at every moment of a move all recordings are listed once, and play', async () => {
  const { from, to } = disks();
  await makeRecordings(from);
  const move = openMove(from, to, {
    keep: (file) => {
      // While it is copied.
      expect(readFileSync(file).length).toBeGreaterThan(0);
      return () => {};
    },
  });
  await move.playback.rebuild(new AbortController().signal);
  const listed = await startsOf(move);
  const query = {
    path: 'cam',
    startUs: WALL * 1000,
    durationUs: 2 * HOUR_MS * 1000,
    format: 'fmp4',
    skipsGaps: true,
  } as const;
  const { file, etag } = await move.playback.get(query);
  const bytes = await buffer(file.read(0, file.sizeBytes));
  const faults: string[] = [];
  let checks = 0;
  const job = new Copier(new MoveList(undefined, move.deps), {}, move.deps);
  await job.run(move.report, {
    signal: new AbortController().signal,
    wait: async () => {
      checks += 1;
      const [now, again] = [await startsOf(move), await move.playback.get(query)];
      if (JSON.stringify(now) !== JSON.stringify(listed) || again.etag !== etag) {
        faults.push(`at ${checks}: ${JSON.stringify(now)}`);
      }
    },
  });
  expect(faults).toEqual([]);
  expect(checks).toBeGreaterThan(5);
  expect(await startsOf(move)).toEqual(listed);
  // A download that began before reads the files where they are now.
  expect((await buffer(file.read(0, file.sizeBytes))).equals(bytes)).toBe(true);
  expect(filesBelow(from)).toEqual([]);
});

test('a playlist that a player has stays valid', async () => {
  const { from, to } = disks();
  await makeRecordings(from, 1);
  const move = openMove(from, to);
  const playlist = await move.playback.streams.media('cam', { startUs: WALL * 1000, durationUs: 3e6 });
  const [uri = ''] = playlist.split('\n').filter((line) => line.startsWith('vod/'));
  const address = parseResourceUri(uri);
  expect(address).toBeDefined();
  await move.run();
  const { resource } = await move.playback.streams.resource('cam', address as NonNullable<typeof address>);
  expect(resource.sizeBytes).toBeGreaterThan(100);
  expect(await move.playback.streams.media('cam', { startUs: WALL * 1000, durationUs: 3e6 })).toBe(playlist);
});

test('a file that is still written is moved when it is finished', async () => {
  const { from, to } = disks();
  await makeRecordings(from, 1);
  const clock = new FakeClock();
  let isOpen = true;
  const move = openMove(from, to, { clock, isOpen: () => isOpen });
  const done = move.run();
  await expect.poll(() => clock.sleeping).toBe(1);
  expect(filesBelow(from).length).toBe(3);
  isOpen = false;
  await clock.advance(5_000);
  await done;
  expect(filesBelow(from)).toEqual([]);
});

test('a disk without room stops the move, which continues when there is room; the newest went first', async () => {
  const { from, to } = disks();
  await makeRecordings(from);
  let minFree = 0;
  let moved = 0;
  const move = openMove(from, to, {
    minFreeBytes: (diskBytes) => (moved++ === 0 ? minFree : diskBytes),
  });
  minFree = 0;
  await expect(move.run()).rejects.toMatchObject({ code: 'exhausted', context: { why: 'full' } });
  expect(
    filesBelow(to)
      .filter(isFile)
      .map((file) => basename(file).slice(0, 19)),
  ).toEqual(Array(3).fill('2026-07-01_14-00-00'));
  expect(filesBelow(to).filter((file) => !isFile(file))).toEqual([]);
  moved = Number.NEGATIVE_INFINITY;
  const roomy = openMove(from, to);
  await roomy.run();
  expect(filesBelow(from)).toEqual([]);
});

test('what is not the same there, or cannot be read, stays with the reason', async () => {
  const { from, to } = disks();
  await makeRecordings(from);
  const [file = ''] = filesBelow(from).filter((name) => name.endsWith('.mp4'));
  const there = join(to, file.slice(from.length));
  mkdirSync(dirname(there));
  writeFileSync(there, 'another recording');
  writeFileSync(join(from, 'cam/2026-07-01_15-00-00-000000.mp4'), 'no film');
  const move = openMove(from, to);
  await move.run();
  expect(move.left.map(({ file: name, why }) => [basename(name).slice(0, 13), why])).toEqual([
    ['2026-07-01_15', 'damaged'],
    ['2026-07-01_12', 'taken'],
  ]);
  expect(readFileSync(there, 'utf8')).toBe('another recording');
  expect(statSync(file).size).toBeGreaterThan(1_000);
});

test('a move that ended at a recording whose name is taken there continues with the others', async () => {
  const { from, to } = disks();
  await makeRecordings(from);
  const [file = ''] = filesBelow(from).filter((name) => name.endsWith('.mp4'));
  const there = join(to, file.slice(from.length));
  mkdirSync(dirname(there));
  writeFileSync(there, 'another recording');
  const move = openMove(from, to);
  await move.report.keep({ current: { from: file, to: there } });
  await move.run();
  expect(move.left).toMatchObject([{ file, why: 'taken' }]);
  expect(filesBelow(from).filter((name) => name.endsWith('.mp4'))).toEqual([file]);
});

test.for(['appended', 'overwritten', 'replaced'])(
  'a file that is %s during its copy stays, and the others are moved',
  async (kind) => {
    const { from, to } = disks();
    await makeRecordings(from, 2);
    const file = filesBelow(from).find((name) => name.includes('/yard/') && name.endsWith('.mp4')) ?? '';
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0xff;
    const change = () => {
      if (kind === 'replaced') {
        const { atime, mtime } = statSync(file);
        writeFileSync(`${file}.new`, bytes);
        utimesSync(`${file}.new`, atime, mtime);
        renameSync(`${file}.new`, file);
      } else {
        writeFileSync(file, kind === 'appended' ? bytes.subarray(-100) : bytes, {
          flag: kind === 'appended' ? 'a' : 'r+',
        });
      }
    };
    const move = openMove(from, to);
    await move.playback.rebuild(new AbortController().signal);
    let isChanged = false;
    await new Copier(new MoveList(undefined, move.deps), {}, move.deps).run(move.report, {
      signal: new AbortController().signal,
      wait: async () => {
        // The bytes of the copy are there, and not compared yet.
        const isCopied = filesBelow(to).some((name) => !isFile(name) && statSync(name).size === bytes.length);
        if (!isChanged && isCopied) {
          isChanged = true;
          change();
        }
      },
    });
    expect(isChanged).toBe(true);
    expect(move.left).toMatchObject([{ file, why: 'busy' }]);
    expect(filesBelow(from).filter((name) => name.endsWith('.mp4'))).toEqual([file]);
    expect(filesBelow(to).filter((name) => name.endsWith('.mp4'))).toHaveLength(1);
  },
);

test('a disk that is away ends the pass with its reason', async () => {
  const { from, to } = disks();
  await makeRecordings(from, 1);
  const move = openMove(from, to, { refusal: () => 'its disk is not mounted' });
  await expect(move.run()).rejects.toMatchObject({ message: 'its disk is not mounted', context: { why: 'away' } });
  expect(filesBelow(to)).toEqual([]);
});

test('a recording that is deleted meanwhile does not end the move of the others', async () => {
  const { from, to } = disks();
  await makeRecordings(from);
  let gone: string | undefined;
  const move = openMove(from, to, {
    keep: (file) => {
      if (gone === undefined) {
        gone = file;
        rmSync(file);
      }
      return () => {};
    },
  });
  await move.run();
  expect(filesBelow(to).filter((name) => name.endsWith('.mp4'))).toHaveLength(2);
  expect(filesBelow(from).filter((name) => name.endsWith('.mp4'))).toEqual([]);
  expect(move.left).toEqual([]);
});

test('an original is deleted once the copy of an earlier run is on the disk', async () => {
  const { from, to } = disks();
  await makeRecordings(from, 1);
  const content = contentOf(from);
  const [file = ''] = filesBelow(from).filter((name) => name.endsWith('.mp4'));
  const there = join(to, file.slice(from.length));
  mkdirSync(dirname(there));
  {
    using cuts = new PowerCuts(from, to);
    await copyFile(file, there);
    await openMove(from, to).run();
    cuts.switchOn('contents');
  }
  expect(contentOf(to)).toEqual(content);
  expect(filesBelow(from)).toEqual([]);
});

test('a move that is canceled before it continues lists its recording again', async () => {
  const { from, to } = disks();
  const move = openMove(from, to);
  const current = { from: join(from, 'cam/a.mp4'), to: join(to, 'cam/a.mp4') };
  const copier = new Copier(new MoveList(undefined, move.deps), { current }, move.deps);
  const { moves } = move.playback;
  expect([moves.isMoving(current.from), moves.isMoving(current.to)]).toEqual([true, true]);
  await copier.discard();
  expect([moves.isMoving(current.from), moves.isMoving(current.to)]).toEqual([false, false]);
  expect(copier.memory).toEqual({});
});

/** In the short length the power is cut before every third operation. */
const CUT_STEP = byLength(3, 1);

test('a power cut before any operation loses nothing and doubles nothing', async () => {
  const { from, to } = disks();
  await makeRecordings(from, 2);
  const content = contentOf(from);
  const template = mkdtempSync(join(tmpdir(), 'perch-before-'));
  onTestFinished(() => rmSync(template, { recursive: true }));
  cpSync(from, template, { recursive: true, preserveTimestamps: true });
  const begin = () => {
    for (const folder of [from, to]) {
      rmSync(folder, { recursive: true, force: true });
    }
    cpSync(template, from, { recursive: true, preserveTimestamps: true });
    mkdirSync(to);
  };
  const operationsOf = async (): Promise<number> => {
    begin();
    using cuts = new PowerCuts(from, to);
    await openMove(from, to).run();
    return cuts.happened;
  };
  const operations = await operationsOf();
  expect(operations).toBeGreaterThan(30);
  const faults: string[] = [];
  for (let at = byLength(1, 0); at < operations; at += CUT_STEP) {
    for (const loss of byLength([LOSSES[Math.floor(at / CUT_STEP) % LOSSES.length] ?? 'nothing'], LOSSES)) {
      begin();
      let memory: object = {};
      {
        using cuts = new PowerCuts(from, to);
        cuts.left = at;
        const move = openMove(from, to);
        // What is swallowed must not be needed.
        await move.run().catch((error: unknown) => expect(error).toBeInstanceOf(PowerCut));
        cuts.switchOn(loss);
        memory = move.memory;
      }
      const left = [...contentOf(from), ...contentOf(to)];
      const lost = [...content].filter(
        ([name, bytes]) => !left.some(([other, same]) => other === name && same === bytes),
      );
      const again = openMove(from, to);
      await again.report.keep(memory);
      await again.run();
      const isWhole = JSON.stringify([...contentOf(to)]) === JSON.stringify([...content]);
      const rest = [...filesBelow(from), ...filesBelow(to).filter((file) => !isFile(file))];
      if (lost.length > 0 || !isWhole || rest.length > 0 || again.playback.space.bytesOf('cam').files !== 1) {
        faults.push(`${loss} lost at ${at}: ${lost.map(([name]) => name)}, whole ${isWhole}, left ${rest}`);
      }
    }
  }
  expect(faults).toEqual([]);
});
