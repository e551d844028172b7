import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../../base/log.ts';
import { MAX_EVENT_BYTES, Outbox } from './outbox.ts';

const texts = (outbox: Outbox) => outbox.oldest(1_000).map(({ text }) => text);

test('unconfirmed events survive a restart in their order, and keep the ids by which the bus knows them', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'events.db');
  const before = new Outbox(file, silentLogger);
  for (const id of ['a', 'b', 'a']) {
    before.push(id, `report of ${id}`);
  }
  before.remove([2]);
  const ids = before.oldest(10).map(({ messageId }) => messageId);
  expect(ids).toEqual(['a.1', 'a.3']);
  // As after a kill: the file was not closed.
  const after = new Outbox(file, silentLogger);
  expect([after.size, after.oldest(10).map(({ messageId }) => messageId)]).toEqual([2, ids]);
  after.remove([1, 3]);
  after.push('c', 'report of c');
  expect(after.oldest(10)).toEqual([{ number: 4, messageId: 'c.4', text: 'report of c' }]);
  before.close();
  after.close();
});

test('beyond the limit the oldest are dropped and counted', () => {
  using folder = temporaryFolder();
  const outbox = new Outbox(join(folder.path, 'events.db'), silentLogger, 50);
  for (let i = 1; i <= 200; i += 1) {
    outbox.push(String(i), String(i));
  }
  expect([outbox.size, outbox.dropped]).toEqual([50, 150]);
  expect([texts(outbox).at(0), texts(outbox).at(-1)]).toEqual(['151', '200']);
  outbox.close();
});

test('what is too large for the bus is dropped and counted', () => {
  using folder = temporaryFolder();
  const outbox = new Outbox(join(folder.path, 'events.db'), silentLogger);
  outbox.push('large', 'ä'.repeat(MAX_EVENT_BYTES / 2 + 1));
  outbox.push('a', 'x');
  expect([texts(outbox), outbox.dropped]).toEqual([['x'], 1]);
  outbox.close();
});

test('a damaged file is replaced', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'events.db');
  writeFileSync(file, 'no database at all'.repeat(500));
  const outbox = new Outbox(file, silentLogger);
  outbox.push('a', 'x');
  expect(texts(outbox)).toEqual(['x']);
  outbox.close();
});
