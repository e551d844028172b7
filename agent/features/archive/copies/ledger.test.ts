import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { Ledger } from './ledger.ts';

const ONE = { path: 'yard', nameUs: 1, key: 'k', sizeBytes: 1, durationUs: 1, startUs: 1 };

test('a ledger that was damaged while it was open lacks the list of the archive, after a restart, too', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'archive.db');
  const faults: unknown[] = [];
  const open = () => new Ledger(file, (error) => faults.push(error));
  const ledger = open();
  ledger.listed();
  ledger.add(ONE, '00');
  expect([ledger.isFresh, ledger.has(ONE)]).toEqual([false, true]);
  // Another writer makes it read the file again.
  const other = new DatabaseSync(file);
  other.exec("UPDATE objects SET key = 'x'; PRAGMA wal_checkpoint(TRUNCATE);");
  writeFileSync(file, readFileSync(file).fill(0xff, 4_096));
  other.close();
  expect(ledger.has(ONE)).toBe(false);
  expect([ledger.isFresh, faults.length]).toEqual([true, 1]);
  ledger.close();
  const next = open();
  expect(next.isFresh).toBe(true);
  next.listed();
  next.close();
  const last = open();
  expect(last.isFresh).toBe(false);
  last.close();
});

test('a ledger is fresh until it has the list of the archive, however often it is opened, and again for another archive', () => {
  using folder = temporaryFolder();
  const open = () => new Ledger(join(folder.path, 'archive.db'), () => {});
  const isFresh = (change: (ledger: Ledger) => void = () => {}) => {
    const ledger = open();
    change(ledger);
    const { isFresh: is } = ledger;
    ledger.close();
    return is;
  };
  expect([isFresh(), isFresh((ledger) => ledger.add(ONE, '00')), isFresh()]).toEqual([true, true, true]);
  expect([isFresh((ledger) => ledger.listed()), isFresh()]).toEqual([false, false]);
  expect([isFresh((ledger) => ledger.clear()), isFresh()]).toEqual([true, true]);
});

test('a row is on disk when it is added', () => {
  using folder = temporaryFolder();
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
  const ledger = new Ledger(join(folder.path, 'archive.db'), () => {});
  const [database] = exec.mock.contexts as DatabaseSync[];
  exec.mockRestore();
  // FULL
  expect(database?.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  ledger.close();
});
