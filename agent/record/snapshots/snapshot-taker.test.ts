import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { pictureOf } from '../../../test/support/cameras/snapshot-camera.ts';
import { filesBelow, SegmentLogBook, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { EventHub, type NewEvent } from '../events/event-hub.ts';
import { EventJournal } from '../events/event-journal.ts';
import { removeCompanions } from './companion-files.ts';
import { MAX_SNAPSHOTS, readSnapshot, saveSnapshot, snapshotName, snapshotsOf } from './snapshot-files.ts';
import { SnapshotTaker } from './snapshot-taker.ts';

/** By the test's clock, not by the machine's. */
const isDated = (file: string): boolean => statSync(file).mtimeMs < Date.UTC(2026, 0, 2);

async function startTaker() {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const warnings: string[] = [];
  const infos: string[] = [];
  const logger = {
    warn: (_: object, text: string) => warnings.push(text),
    info: (_: object, text: string) => infos.push(text),
    debug: () => {},
    error: () => {},
  } as unknown as Logger;
  const hub = new EventHub(new EventJournal({ folder: join(folder.path, 'events'), logger }), clock, logger);
  let asked = 0;
  let answer: () => Promise<Uint8Array> = async () => pictureOf(1_000, asked);
  const ask = () => {
    asked += 1;
    return answer();
  };
  const taker = new SnapshotTaker({
    events: hub,
    clock,
    logger,
    sourceOf: (path) => (path === 'blind' ? undefined : { fetch: () => ask() }),
  });
  const book = new SegmentLogBook();
  const log = taker.following(book);
  onTestFinished(async () => {
    await taker.close();
    await hub.close();
    folder[Symbol.dispose]();
  });
  const segment = (name: string, path = 'cam') => {
    const file = join(folder.path, `${name}.mp4`);
    return { path, file, startUs: clock.wallMs() * 1000, durationMs: 1, sizeBytes: 1 };
  };
  return {
    close: () => taker.close(),
    hub,
    clock,
    warnings,
    infos,
    log,
    book,
    segment,
    get asked() {
      return asked;
    },
    answerWith: (next: () => Promise<Uint8Array>) => {
      answer = next;
    },
    tell: (event: Partial<NewEvent> = {}) => hub.add({ path: 'cam', type: 'motion', source: 'api', ...event }),
    /** Seconds since the clock's begin at which the stills of a recording were taken. */
    taken: async (name: string) =>
      (await snapshotsOf(join(folder.path, `${name}.mp4`))).map(({ timeMs }) => (timeMs - Date.UTC(2026, 0, 1)) / 1000),
    /** The taker writes in its own time, and gives each file its picture's time at last. */
    stills: (count: number) =>
      expect
        .poll(() =>
          filesBelow(folder.path)
            .filter((file) => file.endsWith('.jpg'))
            .map((file) => isDated(file)),
        )
        .toEqual(Array(count).fill(true)),
  };
}

test('a snapshot is taken when recording starts and every ten minutes', async () => {
  const taker = await startTaker();
  taker.log.opened(taker.segment('a'));
  await taker.stills(1);
  for (const [minutes, count] of [
    [9, 1],
    [1, 2],
    [9, 2],
    [1, 3],
    [5, 3],
  ] as const) {
    await taker.clock.advance(minutes * 60_000);
    await taker.stills(count);
  }
  expect(await taker.taken('a')).toEqual([0, 600, 1200]);
  taker.log.finished(taker.segment('a'));
  await taker.clock.advance(3_600_000);
  expect(taker.asked).toBe(3);
  expect(taker.book.names).toHaveLength(1);
});

test('a new event gets a snapshot, and its end none', async () => {
  const taker = await startTaker();
  taker.log.opened(taker.segment('a'));
  await taker.stills(1);
  await taker.clock.advance(30_000);
  await taker.tell({ state: 'start', id: 'one' });
  await taker.stills(2);
  await taker.clock.advance(30_000);
  await taker.tell({ state: 'end', id: 'one' });
  await taker.clock.advance(5_000);
  await taker.hub.label('cam', 'one', []);
  await taker.tell({ type: 'disk', source: 'perch' });
  await taker.clock.advance(1_000);
  expect(await taker.taken('a')).toEqual([0, 30]);
  expect(taker.asked).toBe(2);
});

test('the snapshot of an event waits for the clip that the event starts', async () => {
  const taker = await startTaker();
  await taker.clock.advance(30_000);
  await taker.tell();
  await taker.clock.advance(3_000);
  taker.log.opened(taker.segment('clip'));
  await taker.stills(1);
  expect(await taker.taken('clip')).toEqual([30]);
  expect(taker.asked).toBe(1);
});

test('without a recording no snapshot is kept, and no later recording gets it', async () => {
  const taker = await startTaker();
  await taker.tell();
  await taker.clock.advance(20_000);
  taker.log.opened(taker.segment('a'));
  await taker.clock.advance(1_000);
  await taker.stills(0);
});

test('events close together share a snapshot', async () => {
  const taker = await startTaker();
  taker.log.opened(taker.segment('a'));
  await taker.stills(1);
  await taker.clock.advance(10_000);
  for (let i = 0; i < 12; i += 1) {
    await taker.tell();
    await taker.clock.advance(500);
  }
  await taker.stills(4);
});

test('a camera without snapshots is not asked, and nothing is logged', async () => {
  const taker = await startTaker();
  taker.log.opened(taker.segment('a', 'blind'));
  await taker.tell({ path: 'blind' });
  await taker.clock.advance(1_200_000);
  expect([taker.asked, taker.warnings]).toEqual([0, []]);
});

test('a fault is logged once, and a camera that rejects is left alone until the next snapshot is due', async () => {
  const taker = await startTaker();
  taker.answerWith(() => Promise.reject(new PerchError('unauthorized', 'wrong password')));
  taker.log.opened(taker.segment('a'));
  await taker.clock.advance(1_000);
  for (let i = 0; i < 10; i += 1) {
    await taker.tell();
    await taker.clock.advance(30_000);
  }
  expect([taker.asked, taker.warnings]).toEqual([1, ['no snapshot from the camera']]);
  await taker.clock.advance(330_000);
  expect([taker.asked, taker.warnings.length]).toEqual([2, 1]);
  taker.answerWith(async () => pictureOf(1_000));
  await taker.clock.advance(630_000);
  await taker.stills(1);
});

test('a camera without snapshots is not a fault', async () => {
  const taker = await startTaker();
  taker.answerWith(() => Promise.reject(new PerchError('unsupported', 'the camera has no pictures of its own')));
  taker.log.opened(taker.segment('a'));
  await taker.clock.advance(1_000);
  expect([taker.asked, taker.warnings, taker.infos]).toEqual([1, [], []]);
});

test('a disk that rejects snapshots is logged once, and so is its recovery', async () => {
  const taker = await startTaker();
  const { file } = taker.segment('gone/a');
  taker.log.opened({ ...taker.segment('a'), file });
  const later = async (): Promise<number> => {
    await taker.clock.advance(600_000);
    return taker.asked;
  };
  await expect.poll(later).toBeGreaterThan(3);
  expect(taker.infos).toEqual([]);
  mkdirSync(dirname(file));
  await expect.poll(async () => (await later()) > 0 && taker.infos).toEqual(['snapshots resumed']);
  expect(taker.warnings).toEqual(['cannot write a snapshot']);
});

test('a camera that does not answer gets no request for a minute', async () => {
  const taker = await startTaker();
  taker.answerWith(() => Promise.reject(new PerchError('timeout', 'no picture')));
  taker.log.opened(taker.segment('a'));
  await taker.clock.advance(61_000);
  await taker.tell();
  await taker.clock.advance(1_000);
  expect(taker.asked).toBe(2);
});

test('a pending snapshot delays the end by ten seconds at most', async () => {
  const taker = await startTaker();
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  taker.answerWith(() => promise);
  taker.log.opened(taker.segment('a'));
  let isClosed = false;
  const closing = taker.close().then(() => {
    isClosed = true;
  });
  await taker.clock.advance(9_999);
  expect(isClosed).toBe(false);
  await taker.clock.advance(1);
  await closing;
  resolve(pictureOf(1_000));
});

test('snapshots are next to their recording under names that no recording has, and are deleted with it', async () => {
  using folder = temporaryFolder();
  const recording = join(folder.path, '2026-07-01_12-00-00-000000.mp4');
  await saveSnapshot(recording, pictureOf(100, 1), 1_782_907_201_000);
  expect(statSync(snapshotName(recording, 1)).mode & 0o027).toBe(0);
  await saveSnapshot(recording, pictureOf(200, 2), 1_782_907_202_500);
  const names = filesBelow(folder.path);
  expect(names).toEqual([snapshotName(recording, 1), snapshotName(recording, 2)]);
  expect(names[0]?.endsWith('/2026-07-01_12-00-00-000000.still1.jpg')).toBe(true);
  const stills = await snapshotsOf(recording);
  expect(stills.map(({ timeMs, sizeBytes }) => [timeMs, sizeBytes])).toEqual([
    [1_782_907_201_000, 100],
    [1_782_907_202_500, 200],
  ]);
  await removeCompanions(recording);
  expect(filesBelow(folder.path)).toEqual([]);
});

test('a snapshot never replaces another file, and their number is limited', async () => {
  using folder = temporaryFolder();
  const recording = join(folder.path, 'a.mp4');
  for (let number = 1; number < MAX_SNAPSHOTS; number += 1) {
    writeFileSync(snapshotName(recording, number), 'mine');
  }
  expect(await saveSnapshot(recording, pictureOf(100), 0)).toMatchObject({
    file: snapshotName(recording, MAX_SNAPSHOTS),
  });
  expect(await saveSnapshot(recording, pictureOf(100), 0)).toBeUndefined();
  expect(readFileSync(snapshotName(recording, 1), 'utf8')).toBe('mine');
  expect(existsSync(snapshotName(recording, MAX_SNAPSHOTS + 1))).toBe(false);
});

test('a snapshot damaged by a power cut is ignored', async () => {
  using folder = temporaryFolder();
  const recording = join(folder.path, 'a.mp4');
  await saveSnapshot(recording, new Uint8Array(500), 0);
  await saveSnapshot(recording, pictureOf(70_000), 0);
  await saveSnapshot(recording, pictureOf(500), 0);
  const [zeros, large, good] = await snapshotsOf(recording);
  expect(zeros && (await readSnapshot(zeros))).toBeUndefined();
  expect(large && (await readSnapshot(large))).toBeUndefined();
  expect(good && (await readSnapshot(good))?.length).toBe(500);
  expect(await readSnapshot({ file: join(folder.path, 'gone'), timeMs: 0, sizeBytes: 1 })).toBeUndefined();
});
