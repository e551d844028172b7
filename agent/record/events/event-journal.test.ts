import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { random } from '../../../test/support/base/random.ts';
import { asNobody, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import { diskFs, type SegmentFs } from '../file/segment-fs.ts';
import type { CameraEvent } from './event.ts';
import { EventJournal } from './event-journal.ts';
import { readEventLine, writeEventLine } from './event-line.ts';

const NOVEMBER_US = Date.UTC(2026, 10, 20, 12) * 1000;
const motion = (more: Partial<CameraEvent> = {}): CameraEvent => ({
  id: 'a1',
  path: 'yard/gate',
  type: 'motion',
  startUs: NOVEMBER_US,
  endUs: NOVEMBER_US + 5e6,
  text: '',
  source: 'api',
  ...more,
});

const journalOf = (folder: string, maxFileBytes?: number): EventJournal =>
  new EventJournal({ folder, logger: silentLogger, ...(maxFileBytes === undefined ? {} : { maxFileBytes }) });

async function eventsOf(journal: EventJournal): Promise<CameraEvent[]> {
  const events: CameraEvent[] = [];
  await journal.replay({ addEvent: (event) => events.push(event) });
  return events;
}

test('events are JSON lines in a file per path and month, and are read back unchanged', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  const logged = [
    motion(),
    motion({ id: 'a2', type: 'person', text: 'at the "gate"\nümläut', endUs: undefined }),
    motion({ id: 'a3', path: 'cam', startUs: Date.UTC(2026, 11, 1) * 1000, endUs: Date.UTC(2026, 11, 1) * 1000 }),
    motion({ id: 'a4', path: '', type: 'disk', source: 'perch' }),
    motion({ id: 'a5', area: { x: 0.1, y: 0, width: 0.25, height: 1, direction: 'up' } }),
  ];
  for (const event of logged) {
    await journal.append(event);
  }
  expect(readFileSync(join(folder.path, 'yard/gate/2026-11.jsonl'), 'utf8').split('\n')[0]).toBe(
    `{"id":"a1","type":"motion","startUs":${NOVEMBER_US},"endUs":${NOVEMBER_US + 5e6},"source":"api"}`,
  );
  expect(readdirSync(join(folder.path, 'cam'))).toEqual(['2026-12.jsonl']);
  const byId = (a: CameraEvent, b: CameraEvent) => (a.id < b.id ? -1 : 1);
  expect((await eventsOf(journal)).sort(byId)).toEqual(logged);
  await journal.close();
});

test('events of a path that started in a range are removed from their months, and later ones can be added', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  const [before, first, last, after, other] = [
    motion({ id: 'a1', startUs: NOVEMBER_US - 1, endUs: NOVEMBER_US + 9e6 }),
    motion({ id: 'a2' }),
    motion({ id: 'a3', startUs: NOVEMBER_US + 1e6, endUs: undefined }),
    motion({ id: 'a4', startUs: NOVEMBER_US + 1e6 + 1 }),
    motion({ id: 'a2', path: 'yard' }),
  ];
  for (const event of [before, first, last, after, other]) {
    await journal.append(event);
  }
  await journal.removeWithin('yard/gate', NOVEMBER_US, NOVEMBER_US + 1e6);
  const left = readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('l'));
  expect(left.map((name) => statSync(join(folder.path, name)).mode & 0o007)).toEqual(left.map(() => 0));
  await journal.append(motion({ id: 'a5', startUs: NOVEMBER_US + 2e6 }));
  const ids = (await eventsOf(journalOf(folder.path))).map(({ id, path }) => `${id} ${path}`);
  expect(ids.sort()).toEqual(['a1 yard/gate', 'a2 yard', 'a4 yard/gate', 'a5 yard/gate']);
  await journal.close();
});

test('a repeated report replaces the earlier one', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  await journal.append(motion({ endUs: undefined }));
  expect(await journal.leftOpen(NOVEMBER_US / 1000)).toEqual([motion({ endUs: undefined })]);
  await journal.append(motion());
  expect(await eventsOf(journal)).toEqual([motion()]);
  expect(await journal.leftOpen(NOVEMBER_US / 1000)).toEqual([]);
});

test('a line torn by a power cut loses only itself', async () => {
  using folder = temporaryFolder();
  const first = journalOf(folder.path);
  await first.append(motion());
  await first.append(motion({ id: 'torn' }));
  await first.close();
  const file = join(folder.path, 'yard/gate/2026-11.jsonl');
  truncateSync(file, readFileSync(file).length - 20);
  const second = journalOf(folder.path);
  await second.append(motion({ id: 'next' }));
  expect((await eventsOf(second)).map(({ id }) => id)).toEqual(['a1', 'next']);
  appendFileSync(file, '\0'.repeat(4_096));
  expect((await eventsOf(second)).map(({ id }) => id)).toEqual(['a1', 'next']);
});

test('events during a flush share the next flush, and the folders of a new file are flushed once', async () => {
  const flushed: string[] = [];
  let goOn = (): void => {};
  const written = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const fs: SegmentFs = {
    ...diskFs,
    syncFolder: async (folder) => void flushed.push(folder),
    open: async (file, mode) => {
      const handle = await diskFs.open(file, mode);
      if (mode === 'r') {
        // The first flush lasts until all events are written.
        handle.sync = () => written.then(() => void flushed.push(file));
      }
      return handle;
    },
  };
  using folder = temporaryFolder();
  const journal = new EventJournal({ folder: join(folder.path, 'events'), logger: silentLogger, fs });
  let count = 0;
  const tell = async (i: number): Promise<void> => {
    await journal.append(motion({ id: `n${i}` }));
    count += 1;
    if (count === 500) {
      goOn();
    }
    await journal.sync();
  };
  await Promise.all(Array.from({ length: 500 }, (_, i) => tell(i)));
  expect(journal.hasUnsynced).toBe(false);
  const file = 'events/yard/gate/2026-11.jsonl';
  const folders = ['events/yard/gate', 'events/yard', 'events', ''];
  expect(flushed).toEqual([file, ...folders, file].map((name) => join(folder.path, name)));
  await journal.close();
});

test('a folder that cannot be flushed costs no event: the disk’s error is logged once', async () => {
  using folder = temporaryFolder();
  const { log, logged } = keepLogLines();
  const fs: SegmentFs = {
    ...diskFs,
    syncFolder: () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })),
  };
  const journal = new EventJournal({ folder: join(folder.path, 'events'), logger: log, fs });
  for (const id of ['a', 'b']) {
    await journal.append(motion({ id }));
    await journal.sync();
  }
  expect((await eventsOf(journal)).map(({ id }) => id)).toEqual(['a', 'b']);
  expect(logged.map(([level]) => level)).toEqual(['error']);
  await journal.close();
});

test('many events at once are written in order and flushed in one round', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  expect(journal.hasUnsynced).toBe(false);
  await Promise.all(Array.from({ length: 200 }, (_, i) => journal.append(motion({ id: `n${i}` }))));
  expect((await eventsOf(journal)).map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, i) => `n${i}`));
  expect(journal.hasUnsynced).toBe(true);
  expect(journal.device).toBeGreaterThan(0);
  await journal.sync();
  expect(journal.hasUnsynced).toBe(false);
});

test('no event is accepted while the queue for the disk is full', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  const writing = Array.from({ length: 1_000 }, (_, i) => journal.append(motion({ id: `n${i}` })));
  expect(() => journal.checkCapacity()).toThrow('1000 events wait for the disk');
  await Promise.all(writing);
  expect(() => journal.checkCapacity()).not.toThrow();
  expect(await eventsOf(journal)).toHaveLength(1_000);
});

test('open events are found after any time off', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  const monthUs = 31 * 86_400e6;
  for (const [id, months, path] of [
    ['closed', 0, 'cam'],
    ['old', 1, 'cam'],
    ['other', 3, 'garden'],
  ] as const) {
    const startUs = NOVEMBER_US - months * monthUs;
    await journal.append(motion({ id, path, startUs, endUs: id === 'closed' ? startUs : undefined }));
  }
  const found = await journal.leftOpen((NOVEMBER_US + 5 * monthUs) / 1000);
  expect(found.map(({ id }) => id)).toEqual(['old', 'other']);
});

test('a full month is logged once, with other files written in between', async () => {
  using folder = temporaryFolder();
  const errors: string[] = [];
  const logger = { error: (_: object, text: string) => errors.push(text) } as unknown as Logger;
  const journal = new EventJournal({ folder: folder.path, logger, maxFileBytes: 200 });
  for (let i = 0; i < 10; i += 1) {
    await journal.append(motion({ id: `n${i}` }));
    await journal.append(motion({ path: `cam${i}` }));
  }
  expect(errors).toEqual(['cannot write events']);
});

test('a full month accepts no more, other months do', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path, 1_000);
  for (let i = 0; i < 50; i += 1) {
    await journal.append(motion({ id: `n${i}` }));
  }
  await journal.append(motion({ id: 'next', startUs: NOVEMBER_US + 31 * 86_400e6, endUs: undefined }));
  const events = await eventsOf(journal);
  expect(events.length).toBeLessThan(12);
  expect(events.at(-1)?.id).toBe('next');
});

test.for(['an event that began in %s can be ended even in a full month', 'an earlier run'])(
  'what %s has begun is ended even in a month that is full',
  async (run) => {
    using folder = temporaryFolder();
    let journal = journalOf(folder.path, 1_000);
    const append = async (from: number, to: number, endUs?: number) => {
      for (let i = from; i < to; i += 1) {
        await journal.append(motion({ id: `n${i}`, endUs }));
      }
    };
    await append(0, 5);
    await append(5, 50, NOVEMBER_US + 9);
    if (run === 'an earlier run') {
      journal = journalOf(folder.path, 1_000);
      await journal.leftOpen(NOVEMBER_US / 1000);
    }
    await append(0, 50, NOVEMBER_US + 9);
    const events = await eventsOf(journal);
    expect(events.length).toBeGreaterThan(5);
    expect(events.length).toBeLessThan(12);
    expect(new Set(events.map(({ endUs }) => endUs))).toEqual(new Set([NOVEMBER_US + 9]));
  },
);

test('a rejected write costs the line and nothing else', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(join(folder.path, 'events'));
  writeFileSync(join(folder.path, 'events'), 'a file where a folder is needed');
  await asNobody(folder.path, () => journal.append(motion()));
  expect(await eventsOf(journal)).toEqual([]);
});

test('months older than the retention of the path are deleted, and empty folders with them', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  const DAY_US = 86_400e6;
  for (const [path, days] of [
    ['cam', 0],
    ['cam', 60],
    ['garden', 60],
    ['kept', 60],
    ['', 60],
  ] as const) {
    const startUs = NOVEMBER_US - days * DAY_US;
    await journal.append(motion({ id: `${path}-${days}`, path, startUs, endUs: startUs }));
  }
  const nowMs = NOVEMBER_US / 1000;
  const keptMs = (path: string) => (path === 'kept' ? undefined : 30 * 86_400_000);
  // Both months end by the last of September, 51 days ago; 30 days are kept.
  await journal.prune(nowMs, keptMs);
  expect((await eventsOf(journal)).map(({ id }) => id)).toEqual(['cam-0', 'kept-60']);
  expect(readdirSync(folder.path).sort()).toEqual(['cam', 'kept']);
});

test('an event reported while its path’s last month is deleted is written, without an alarm', async () => {
  using folder = temporaryFolder();
  const errors: object[] = [];
  const logger = { error: (facts: object) => errors.push(facts), warn: () => {} } as unknown as Logger;
  const monthUs = 31 * 86_400e6;
  for (let round = 0; round < 40; round += 1) {
    const journal = new EventJournal({ folder: join(folder.path, String(round)), logger });
    await journal.append(motion({ startUs: NOVEMBER_US - 3 * monthUs, endUs: NOVEMBER_US - 3 * monthUs }));
    const pruned = journal.prune(NOVEMBER_US / 1000, () => monthUs / 1000);
    for (let month = 0; month < 5; month += 1) {
      await journal.append(motion({ startUs: NOVEMBER_US + month * monthUs, endUs: undefined }));
    }
    await pruned;
    await journal.close();
    expect(await eventsOf(journal)).toHaveLength(5);
  }
  expect(errors).toEqual([]);
});

test('foreign files are ignored', async () => {
  using folder = temporaryFolder();
  const journal = journalOf(folder.path);
  for (const name of ['cam/2026-11.jsonl', 'cam/notes.txt', '2026-11.jsonl']) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), 'hello\n[1]\n{}\nnull\n{"id":"x"}\n');
  }
  expect(await eventsOf(journal)).toEqual([]);
  expect(await eventsOf(journalOf(join(folder.path, 'nothing here')))).toEqual([]);
});

test('any line yields an event or none', () => {
  const next = random(11);
  const box = { x: 0.1, y: 0.2, width: 0.3, height: 0.4 };
  const label = { type: 'person' as const, score: 0.75, box, at: 1_767_225_600_000_000 };
  const labelled = motion({ text: 'a text', area: box, labels: [label, { ...label, type: 'animal' }] });
  const line = writeEventLine(labelled).trimEnd();
  expect(readEventLine(line, 'yard/gate')).toEqual(labelled);
  let events = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Buffer.from(line);
    for (let k = 0; k <= 2 * next(); k += 1) {
      bytes[Math.floor(next() * bytes.length)] =
        next() < 0.5 ? 0x30 + Math.floor(next() * 10) : Math.floor(next() * 256);
    }
    const event = readEventLine(
      bytes.toString('utf8', 0, next() < 0.1 ? Math.floor(next() * bytes.length) : undefined),
      'p',
    );
    if (event) {
      events += 1;
      expect(readEventLine(writeEventLine(event).trimEnd(), 'p')).toEqual(event);
    }
  }
  expect(events).toBeGreaterThan(100);
  expect(
    readEventLine(`{"id":"a","type":"b","startUs":1,"source":"api","text":"${'x'.repeat(5_000)}"}`, 'p'),
  ).toBeUndefined();
});
