import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import pino from 'pino';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { countOf, LONG_AGO, openCatalog, settle } from '../../../test/support/disks/catalog.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openPlayback, TEMPLATE } from '../../../test/support/harness/playback.ts';
import { silentLogger } from '../../base/log.ts';
import type { ProtectedRange } from '../../record/retention/protected-ranges.ts';
import { Playback } from '../playback.ts';
import { parseRfc3339 } from '../read/rfc3339.ts';
import type { Journal } from './index-rebuild.ts';

const ever = new AbortController().signal;

/** Garbage where a table begins: it is found when the table is used. */
function spoilTable(file: string, table: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(file);
  const { page } = database.prepare('SELECT rootpage AS page FROM sqlite_schema WHERE name = ?').get(table) as {
    page: number;
  };
  database.close();
  writeFileSync(file, readFileSync(file).fill(0x55, (page - 1) * 4096, page * 4096));
}

/** Lines of a logger, as objects. */
function logBook(): { readonly logger: pino.Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }), lines };
}

test('a folder that has not changed is not read again, also not after a restart', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  settle(dirname(file));
  {
    await using playback = openPlayback(folder.path);
    expect(await countOf(playback)).toBe(1);
  }
  copyFileSync(file, file.replace('12-00-00', '12-30-00'));
  settle(dirname(file));
  await using playback = openPlayback(folder.path);
  expect(await countOf(playback)).toBe(1);
  utimesSync(dirname(file), new Date(), LONG_AGO.getTime() / 1000 + 1);
  expect(await countOf(playback)).toBe(2);
});

test('only changed folders are read', async () => {
  using folder = temporaryFolder();
  const recordPath = join(folder.path, 'rec/%path/%Y-%m-%d/%H-%M-%S-%f');
  const [clip = ''] = await record(join(folder.path, 'clip'), 2);
  const files = ['2026-07-01/10-00-00-000000', '2026-07-02/10-00-00-000000'].map((name) =>
    join(folder.path, 'rec/cam', `${name}.mp4`),
  );
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(clip, file);
    settle(dirname(file));
  }
  await using playback = openCatalog(folder.path, { recordPaths: [recordPath] });
  expect(await countOf(playback)).toBe(2);
  const [first = '', second = ''] = files;
  copyFileSync(clip, first.replace('10-', '11-'));
  settle(dirname(first));
  copyFileSync(clip, second.replace('10-', '11-'));
  expect(await countOf(playback)).toBe(3);
  rmSync(dirname(second), { recursive: true });
  expect(await countOf(playback)).toBe(1);
});

test('a path’s folder inside another path’s folder is neither lost nor confused with it', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const inner = join(dirname(file), 'gate', basename(file));
  mkdirSync(dirname(inner));
  copyFileSync(file, inner);
  await using playback = openPlayback(folder.path);
  expect(await playback.names()).toEqual(['cam', 'cam/gate']);
  copyFileSync(file, file.replace('12-00-00', '12-30-00'));
  expect(await countOf(playback, 'cam')).toBe(2);
  expect(await countOf(playback, 'cam/gate')).toBe(1);
  expect(await playback.names()).toEqual(['cam', 'cam/gate']);
});

test('a file truncated by a power cut does not count as finished', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_000 });
  {
    await using playback = openPlayback(folder.path);
    await playback.rebuild(ever);
  }
  const last = files.at(-1) ?? '';
  truncateSync(last, statSync(last).size - 700);
  await using playback = openPlayback(folder.path);
  expect(playback.isFinished(last)).toBe(true);
  await playback.checkNewest(ever);
  expect(files.map((file) => playback.isFinished(file))).toEqual([true, true, false]);
});

test("the recorder's data suffices to list a finished file", async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 3);
  const header = readFileSync(file).subarray(0, readFileSync(file).indexOf('moof') - 4);
  // If the file were read, nothing would be found in it.
  writeFileSync(file, Buffer.alloc(2_000));
  await using playback = openPlayback(folder.path);
  const segment = { path: 'cam', file, startUs: WALL * 1000 };
  playback.segmentLog.opened(segment);
  playback.segmentLog.finished({ ...segment, durationMs: 3000, sizeBytes: 2000, header });
  await expect.poll(() => playback.isFinished(file)).toBe(true);
  expect(await playback.list('cam', undefined, undefined, '')).toMatchObject([{ duration: 3 }]);
});

test('folders changed by this process are scanned ahead of requests', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const clock = new FakeClock();
  await using playback = openCatalog(folder.path, { recordPaths: [join(folder.path, TEMPLATE)], clock });
  const later = file.replace('12-00-00', '12-30-00');
  copyFileSync(file, later);
  playback.segmentLog.opened({ path: 'cam', file, startUs: WALL * 1000 });
  playback.commit();
  await clock.advance(3_000);
  playback.commit();
  await expect.poll(() => playback.indexProgress.files).toBe(2);
});

test('an unreadable file is logged once and listed as left out', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const broken = file.replace('12-00-00', '12-30-00');
  writeFileSync(broken, 'this is not a recording, whatever its name says');
  const { logger, lines } = logBook();
  await using playback = openCatalog(folder.path, { recordPaths: [join(folder.path, TEMPLATE)], logger });
  await playback.rebuild(ever);
  await playback.list('cam', undefined, undefined, '');
  await playback.list('cam', undefined, undefined, '');
  expect(lines.filter(({ file: named }) => named === broken)).toHaveLength(1);
  expect(playback.unreadable()).toEqual({
    count: 1,
    files: [{ file: broken, path: 'cam', reason: expect.any(String) }],
  });
  expect(playback.indexProgress).toMatchObject({ state: 'ready', files: 2, left: 0 });
  copyFileSync(file, broken);
  await playback.list('cam', undefined, undefined, '');
  expect(playback.unreadable().count).toBe(0);
});

test('concurrent requests to a new index read each file once', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_000 });
  const broken = files.map((file) => file.replace('12-00-', '12-30-'));
  for (const file of broken) {
    writeFileSync(file, 'this is not a recording, whatever its name says');
  }
  const { logger, lines } = logBook();
  await using playback = openCatalog(folder.path, { recordPaths: [join(folder.path, TEMPLATE)], logger });
  const asked = Array.from({ length: 20 }, async (_, i) => {
    await countOf(playback, i % 2 ? 'unknown' : 'cam');
    return playback.list('cam', undefined, undefined, '');
  });
  const answers = await Promise.all(asked);
  expect(answers.every((answer) => answer.length === 1)).toBe(true);
  expect(lines.map(({ file }) => file).sort()).toEqual(broken.sort());
});

test('an index of another version is rebuilt with one log line, and the journals are replayed', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  const protectedRange: ProtectedRange = { id: 'p', path: 'cam', startUs: 1, endUs: 2, note: '' };
  const askedSince: (number | undefined)[] = [];
  const journal: Journal = {
    replay: (index, sinceMs) => {
      askedSince.push(sinceMs);
      index.setProtected([protectedRange]);
    },
  };
  const { logger, lines } = logBook();
  const setup = { recordPaths: [join(folder.path, TEMPLATE)], journal, logger };
  const file = join(folder.path, 'segments.db');
  {
    await using playback = openCatalog(folder.path, setup);
    await playback.rebuild(ever);
  }
  const writtenMs = statSync(file).mtimeMs;
  {
    await using playback = openCatalog(folder.path, setup);
    await playback.rebuild(ever);
    expect(playback.events.protectedOf('cam', 0, 10, 9)).toEqual([protectedRange]);
  }
  // Entries reported right before a power cut are in the journal, but may not be in the index.
  expect(askedSince).toEqual([undefined, writtenMs - 2 * 86_400_000]);
  {
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 1');
    database.close();
  }
  await using playback = openCatalog(folder.path, setup);
  await playback.rebuild(ever);
  expect(askedSince.slice(2)).toEqual([undefined]);
  expect(await countOf(playback)).toBe(1);
  const logged = lines.map(({ msg }) => msg).filter((msg) => String(msg).includes('of another version'));
  expect(logged).toEqual(['the index of recordings is of another version and is rebuilt from the files']);
});

test('an index that is found damaged in use is filled again in the background, from files and journals', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 6, { segmentDurationMs: 2_000 });
  const file = join(folder.path, 'segments.db');
  let replays = 0;
  const journal: Journal = {
    replay: () => {
      replays += 1;
    },
  };
  const setup = { recordPaths: [join(folder.path, TEMPLATE)], journal };
  {
    await using playback = openCatalog(folder.path, setup);
    await playback.rebuild(ever);
  }
  spoilTable(file, 'events_by_start');
  await using playback = openCatalog(folder.path, setup);
  await playback.rebuild(ever);
  expect(replays).toBe(2);
  expect(playback.events.eventsOf('cam', 0, 10, 9)).toEqual([]);
  playback.commit();
  await expect.poll(() => [replays, files.every((name) => playback.isFinished(name))]).toEqual([3, true]);
});

test('a deleted index is reported as missing, a first start is not', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  const { logger, lines } = logBook();
  const setup = { recordPaths: [join(folder.path, TEMPLATE)], logger };
  const logged = () => lines.map(({ msg }) => String(msg)).filter((msg) => msg.includes('rebuilt'));
  {
    await using playback = openCatalog(folder.path, setup);
    await playback.rebuild(ever);
    expect(logged()).toEqual([]);
  }
  rmSync(join(folder.path, 'segments.db'));
  await using playback = openCatalog(folder.path, setup);
  await playback.rebuild(ever);
  expect(logged()).toEqual(['the index of recordings is missing and is rebuilt from the files']);
});

test('a damaged list of former record paths is named, with what is missing; the index is not blamed', async () => {
  using folder = temporaryFolder();
  const list = join(folder.path, 'record-paths.json');
  writeFileSync(list, '["/old/%path/%s');
  const { logger, lines } = logBook();
  await using playback = openCatalog(folder.path, { recordPaths: [join(folder.path, TEMPLATE)], logger });
  await playback.rebuild(ever);
  const loss = 'is damaged: recordings of a former recordPath are missing until a path has it again';
  expect(lines.filter(({ file }) => file === list).map(({ msg }) => msg)).toEqual([
    `the list of former record paths ${loss}`,
  ]);
  expect(lines.map(({ msg }) => String(msg)).filter((msg) => msg.includes('cannot be saved'))).toEqual([]);
  expect(readFileSync(`${list}.damaged`, 'utf8')).toBe('["/old/%path/%s');
});

test('the hour that autumn shows twice has all its recordings, each at its own time', async () => {
  using folder = temporaryFolder();
  const twice = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)];
  for (const wall of twice) {
    await record(folder.path, 2, { wall, zone: 'Europe/Berlin' });
  }
  const recordPath = join(folder.path, TEMPLATE);
  const paths = {
    recordPathOf: () => ({ recordPath, format: 'fmp4' as const }),
    recordPaths: () => [recordPath],
    hasRecorded: () => false,
  };
  const playback = new Playback({ file: ':memory:', zone: 'Europe/Berlin', logger: silentLogger, paths });
  const entries = await playback.list('cam', undefined, undefined, '');
  expect(entries.map(({ start }) => start)).toEqual(['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00.000001+01:00']);
  const [, second] = entries;
  expect(await playback.list('cam', parseRfc3339(second?.start ?? ''), undefined, '')).toHaveLength(1);
  await playback.close();
});

test('any marks in a file list it or leave it out, and affect no other', async () => {
  using folder = temporaryFolder();
  const [file = '', other = ''] = await record(folder.path, 4, { segmentDurationMs: 2_000 });
  const whole = readFileSync(file);
  const marks = ['mtxi', 'prch'].map((type) => whole.indexOf(type));
  const next = random(29);
  for (let i = 0; i < byLength(60, 200); i += 1) {
    const broken = Buffer.from(whole);
    for (let k = 0; k < 1 + next() * 6; k += 1) {
      const at = (marks[Math.floor(next() * marks.length)] ?? 0) + Math.floor(next() * 52) - 4;
      broken[at] = next() < 0.3 ? 0xff : Math.floor(next() * 256);
    }
    // Cut before the tail, so that no copy of the header replaces it.
    writeFileSync(file, broken.subarray(0, whole.lastIndexOf('moof') - 4 + (i % 3)));
    await using playback = openPlayback(folder.path, ':memory:');
    const entries = await playback.list('cam', undefined, undefined, 'http://h').catch((error: unknown) => {
      expect(error).toMatchObject({ name: 'PerchError' });
      return [];
    });
    expect(entries.length).toBeLessThanOrEqual(2);
    expect(playback.isFinished(other)).toBe(true);
  }
});

test('nothing that is written is lost between the commits of the index and its end', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 4, { segmentDurationMs: 2_000 });
  {
    await using playback = openPlayback(folder.path);
    await playback.rebuild(ever);
    playback.events.addEvent({ id: 'e', path: 'cam', type: 'motion', startUs: 5, endUs: 6, text: '' });
  }
  expect(existsSync(join(folder.path, 'index.db'))).toBe(true);
  await using playback = openPlayback(folder.path);
  expect(files.every((file) => playback.isFinished(file))).toBe(true);
  expect(playback.events.eventsOf('cam', 0, 10, 9)).toHaveLength(1);
});
