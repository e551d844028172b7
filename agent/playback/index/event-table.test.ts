import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { sqlite } from '../../base/files/sqlite.ts';
import { silentLogger } from '../../base/log.ts';
import type { EventLabel } from '../../record/events/event.ts';
import { EventJournal } from '../../record/events/event-journal.ts';
import { SegmentIndex } from './segment-index.ts';

const PERSON: EventLabel = { type: 'person', score: 0.5, box: { x: 0, y: 0.5, width: 0.25, height: 0.5 }, at: 15 };
const MOTION = { path: 'cam', type: 'motion', startUs: 10, endUs: 20, text: '' };
const ALL = { fromUs: 0, toUs: 100, limit: 10 };

function open(folder: string): SegmentIndex {
  return new SegmentIndex(join(folder, 'segments.db'), (error) => {
    throw error;
  });
}

/** Runs what the release before labels runs on its index, which has the same version. */
function formerRelease(folder: string, ...statements: readonly string[]): void {
  const database = new (sqlite().DatabaseSync)(join(folder, 'segments.db'));
  for (const statement of statements) {
    database.exec(statement);
  }
  database.close();
}

test('the release before labels writes and deletes events of this index, and their labels follow', () => {
  using folder = temporaryFolder();
  const index = open(folder.path);
  for (const id of ['deleted', 'changed', 'same', 'moved']) {
    index.events.addEvent({ ...MOTION, id, labels: [PERSON] });
  }
  index.close();
  const insert = `INSERT INTO events VALUES ('changed', 1, 'motion', 10, 25, '', NULL), ('moved', 1, 'motion', 11, 25, '', NULL)
    ON CONFLICT (path, id) DO UPDATE SET start_us = excluded.start_us, end_us = excluded.end_us`;
  const added = "INSERT INTO events VALUES ('added', 1, 'motion', 10, 20, '', NULL)";
  formerRelease(folder.path, insert, added, "DELETE FROM events WHERE id = 'deleted'");
  const again = open(folder.path);
  const found = again.events.newestOf('cam', ALL).map(({ id, endUs, labels }) => [id, endUs, labels?.length]);
  expect(found).toEqual([
    ['moved', 25, undefined],
    ['same', 20, 1],
    ['changed', 25, 1],
    ['added', 20, undefined],
  ]);
  expect(again.events.newestOf('cam', { ...ALL, types: ['person'] }).map(({ id }) => id)).toEqual(['same', 'changed']);
  again.events.addEvent({ ...MOTION, id: 'deleted' });
  expect(again.events.newestOf('cam', ALL).find(({ id }) => id === 'deleted')?.labels).toBeUndefined();
  again.close();
});

test('events of a zone, of any type or of one that it or a label has, newest first', () => {
  using folder = temporaryFolder();
  const index = open(folder.path);
  const add = (id: string, startUs: number, more: object) =>
    index.events.addEvent({ ...MOTION, startUs, endUs: startUs + 5, id, ...more });
  add('a', 10, { zones: ['Drive'] });
  add('b', 20, { zones: ['Drive', 'Lawn'], labels: [PERSON] });
  add('c', 30, { zones: ['Lawn'] });
  add('d', 40, { type: 'person', zones: ['Drive'] });
  add('e', 50, {});
  const ids = (more: object) => index.events.newestOf('cam', { ...ALL, ...more }).map(({ id }) => id);
  expect(ids({ zone: 'Drive' })).toEqual(['d', 'b', 'a']);
  expect(ids({ zone: 'Drive', types: ['person'] })).toEqual(['d', 'b']);
  expect(ids({ zone: 'Drive', types: ['vehicle'] })).toEqual([]);
  expect(ids({ zone: 'Lawn', toUs: 25 })).toEqual(['b']);
  // Something else moved in the zone.
  add('f', 60, {
    zones: ['Drive', 'Lawn'],
    labels: [
      { ...PERSON, zones: ['Lawn'] },
      { ...PERSON, type: 'vehicle', zones: [] },
    ],
  });
  expect(ids({ zone: 'Drive', types: ['person'] })).toEqual(['d', 'b']);
  expect(ids({ zone: 'Lawn', types: ['person'] })).toEqual(['f', 'b']);
  expect([ids({ zone: 'Drive', types: ['vehicle'] }), ids({ zone: 'Drive', types: ['motion'] })]).toEqual([
    [],
    ['f', 'b', 'a'],
  ]);
  index.events.removeEventsWithin('cam', 60, 60);
  expect(ids({ zone: 'Drive', limit: 1, after: { path: 'cam', startUs: 40, id: 'd' } })).toEqual(['b']);
  expect(index.events.newestOf('cam', ALL).map(({ zones }) => zones?.join())).toEqual([
    ...[undefined, 'Drive', 'Lawn', 'Drive,Lawn', 'Drive'],
  ]);
  expect([index.events.zonesOf('cam', 0, 100), index.events.zonesOf('cam', 25, 35)]).toEqual([
    ['Drive', 'Lawn'],
    ['Lawn'],
  ]);
  // Names of an event change, and an event without zones has none.
  add('a', 11, { zones: ['Lawn'] });
  add('d', 40, { type: 'person' });
  expect([ids({ zone: 'Drive' }), ids({ zone: 'Lawn' })]).toEqual([['b'], ['c', 'b', 'a']]);
  index.close();
});

test('the release before zones deletes and moves events of this index, and their zones follow', () => {
  using folder = temporaryFolder();
  const index = open(folder.path);
  for (const id of ['deleted', 'moved', 'same']) {
    index.events.addEvent({ ...MOTION, id, zones: ['Drive'] });
  }
  index.events.setWhole();
  index.close();
  const moved = "UPDATE events SET start_us = 11 WHERE id = 'moved'";
  formerRelease(folder.path, moved, "DELETE FROM events WHERE id = 'deleted'");
  const again = open(folder.path);
  expect(again.events.newestOf('cam', { ...ALL, zone: 'Drive' }).map(({ id }) => id)).toEqual(['same']);
  expect(again.events.newestOf('cam', ALL).map(({ id, zones }) => [id, zones?.length])).toEqual([
    ['moved', undefined],
    ['same', 1],
  ]);
  expect(again.events.isWhole).toBe(true);
  again.close();
  // It makes the file without them.
  formerRelease(folder.path, 'DROP TABLE zones', 'DROP TRIGGER zones_less', "DELETE FROM facts WHERE name = 'zones'");
  const last = open(folder.path);
  expect(last.events.isWhole).toBe(false);
  last.close();
});

test('an index that the release before labels has filled gets the labels of the journals', async () => {
  using folder = temporaryFolder();
  const index = open(folder.path);
  index.events.addEvent({ ...MOTION, id: 'a' });
  index.events.setWhole();
  expect(index.events.isWhole).toBe(true);
  index.close();
  formerRelease(
    folder.path,
    'DROP TABLE labels',
    'DROP TRIGGER labels_less',
    "DELETE FROM facts WHERE name = 'labels'",
  );
  const again = open(folder.path);
  expect(again.events.isWhole).toBe(false);
  expect(again.events.newestOf('cam', ALL)).toMatchObject([{ id: 'a', labels: undefined }]);
  const journal = new EventJournal({ folder: join(folder.path, 'events'), logger: silentLogger });
  await journal.append({ ...MOTION, id: 'a', source: 'stream', labels: [PERSON] });
  await journal.replay(again.events);
  again.events.setWhole();
  expect(again.events.newestOf('cam', { ...ALL, types: ['person'] })).toMatchObject([{ id: 'a', labels: [PERSON] }]);
  again.close();
});
