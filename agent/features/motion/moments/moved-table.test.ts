import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { CELL_BYTES } from '../detection/moved-cells.ts';
import { MovedTable } from './moved-table.ts';

const NOON_S = Date.UTC(2026, 6, 1, 12) / 1000;

function openTable(maxBytes?: number) {
  const folder = temporaryFolder();
  const file = join(folder.path, 'motion.db');
  const faults: unknown[] = [];
  let table = new MovedTable(file, (error) => faults.push(error), maxBytes);
  onTestFinished(() => {
    table.close();
    folder[Symbol.dispose]();
  });
  return {
    file,
    faults,
    get table() {
      return table;
    },
    /** As a restart of Perch. */
    reopen: (change: () => void = () => {}) => {
      table.close();
      change();
      table = new MovedTable(file, (error) => faults.push(error), maxBytes);
    },
  };
}

/** The seconds of a period in which something moved, and which were read. */
function between(table: MovedTable, path: string, fromS: number, toS: number) {
  const moved: { second: number; bits: Uint8Array }[] = [];
  const seen = table.read(path, fromS, toS, (second, one) => moved.push({ second, bits: one?.slice() ?? bits(0) }));
  return { moved, seen };
}

const bits = (first: number): Uint8Array => Uint8Array.from({ length: CELL_BYTES }, (_, i) => (i === 0 ? first : 0));

test('what moves in each second is found again, also in the present minutes and after a restart', () => {
  const opened = openTable();
  const writer = opened.table.open('yard');
  writer.add(NOON_S + 598, undefined);
  writer.add(NOON_S + 599, bits(1));
  writer.add(NOON_S + 600, bits(2));
  writer.add(NOON_S + 602, undefined);
  const expected = {
    moved: [
      { second: NOON_S + 599, bits: bits(1) },
      { second: NOON_S + 600, bits: bits(2) },
    ],
    seen: Uint8Array.of(0, 1, 1, 1, 0, 1, 0),
  };
  expect(between(opened.table, 'yard', NOON_S + 597, NOON_S + 604)).toEqual(expected);
  writer.close();
  opened.reopen();
  expect(between(opened.table, 'yard', NOON_S + 597, NOON_S + 604)).toEqual(expected);
  expect(between(opened.table, 'yard', NOON_S + 600, NOON_S + 601).moved).toHaveLength(1);
  expect(between(opened.table, 'hall', NOON_S, NOON_S + 1200).moved).toEqual([]);
});

test('like a map of seconds, with several writers, restarts, and a clock that jumps back', () => {
  const next = random(11);
  const upTo = (limit: number) => Math.floor(next() * limit);
  const opened = openTable();
  const model = new Map<number, Uint8Array | undefined>();
  let writers = [opened.table.open('yard'), opened.table.open('yard')];
  opened.table.open('hall').add(NOON_S + 5, bits(9));
  for (let step = 0; step < 800; step += 1) {
    const second = NOON_S + upTo(2400);
    const moved = next() < 0.4 ? bits(1 + upTo(255)) : undefined;
    if (!model.has(second)) {
      model.set(second, moved);
      writers[upTo(2)]?.add(second, moved);
    }
    if (next() < 0.01) {
      for (const writer of writers) {
        writer.close();
      }
      opened.reopen();
      writers = [opened.table.open('yard'), opened.table.open('yard')];
    }
  }
  const { moved, seen } = between(opened.table, 'yard', NOON_S, NOON_S + 2400);
  expect([...seen]).toEqual(Array.from({ length: 2400 }, (_, at) => (model.has(NOON_S + at) ? 1 : 0)));
  const wanted = [...model].filter(([, one]) => one !== undefined).sort(([a], [b]) => a - b);
  expect(moved.map((one) => [one.second, one.bits])).toEqual(wanted);
  expect(opened.faults).toEqual([]);
});

test('what is older than the recordings is forgotten, and what was written first if the table is full', () => {
  const opened = openTable(200_000);
  const writer = opened.table.open('yard');
  for (let second = 0; second < 20_000; second += 1) {
    writer.add(NOON_S + second * 30, bits(1));
  }
  const { moved } = between(opened.table, 'yard', NOON_S, NOON_S + 600_000);
  expect(moved.length).toBeGreaterThan(1000);
  expect(moved[0]?.second).toBeGreaterThan(NOON_S + 86_400);
  // Read later, of an earlier time: stays.
  const early = opened.table.open('hall');
  early.add(NOON_S - 86_400, bits(7));
  early.close();
  writer.close();
  expect(moved.at(-1)?.second).toBe(NOON_S + 599_970);
  expect(opened.table.paths()).toEqual(['hall', 'yard']);
  opened.table.deleteBefore('yard', NOON_S + 590_000);
  expect(between(opened.table, 'yard', NOON_S, NOON_S + 589_200).moved).toEqual([]);
  expect(between(opened.table, 'yard', NOON_S + 590_000, NOON_S + 600_000).moved).toHaveLength(333);
});

test('a damaged file is replaced by an empty one', () => {
  const opened = openTable();
  opened.table.open('yard').add(NOON_S, bits(1));
  opened.reopen(() => writeFileSync(opened.file, 'no database'));
  const writer = opened.table.open('yard');
  writer.add(NOON_S + 1, bits(2));
  expect(between(opened.table, 'yard', NOON_S, NOON_S + 2).moved).toEqual([{ second: NOON_S + 1, bits: bits(2) }]);
});

test('what is known of a second stays when a clock repeats it', () => {
  const opened = openTable();
  const first = opened.table.open('yard');
  first.add(NOON_S, bits(1));
  first.close();
  const again = opened.table.open('yard');
  again.add(NOON_S, bits(2));
  again.add(NOON_S + 1, bits(3));
  const expected = [
    { second: NOON_S, bits: bits(1) },
    { second: NOON_S + 1, bits: bits(3) },
  ];
  expect(between(opened.table, 'yard', NOON_S, NOON_S + 9).moved).toEqual(expected);
  again.close();
  expect(between(opened.table, 'yard', NOON_S, NOON_S + 9).moved).toEqual(expected);
});

test('a clock that is set back again and again does not fill the row of ten minutes', () => {
  const opened = openTable();
  const writer = opened.table.open('yard');
  for (let round = 0; round < 4; round += 1) {
    for (let second = 0; second < 599; second += 1) {
      writer.add(NOON_S + second, bits(1 + round));
    }
  }
  const { moved } = between(opened.table, 'yard', NOON_S, NOON_S + 600);
  expect(moved.map(({ second }) => second - NOON_S)).toEqual(Array.from({ length: 599 }, (_, second) => second));
  expect(moved[0]?.bits).toEqual(bits(1));
});

test('where the file cannot be written the table lives in memory, and says why once', () => {
  const faults: unknown[] = [];
  const table = new MovedTable('/proc/motion.db', (error) => faults.push(error));
  table.open('yard').add(NOON_S, bits(1));
  expect(between(table, 'yard', NOON_S, NOON_S + 1).moved).toHaveLength(1);
  table.close();
  expect(faults).toHaveLength(1);
});
