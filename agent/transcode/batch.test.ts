import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { BatchWriter, readBatch, requestBytesOf, stampOf } from './batch.ts';

interface Entry {
  readonly job: number;
  readonly pts: number;
  readonly wall: number;
  readonly data: number[];
}

function entriesOf(batch: ArrayBuffer): Entry[] {
  const entries: Entry[] = [];
  readBatch(batch, (job, pts, wall, data) => entries.push({ job, pts, wall, data: [...data] }));
  return entries;
}

test('samples of any length are returned unchanged and in order', () => {
  const next = random(6);
  const writer = new BatchWriter();
  for (let round = 0; round < 5; round += 1) {
    const entries = Array.from({ length: round * 100 }, (_, i) => ({
      job: Math.floor(next() * 2 ** 32),
      pts: next() * 2 ** 52,
      wall: 1_700_000_000_000 + next(),
      data: Array.from({ length: Math.floor(next() ** 4 * 3000) }, () => i & 0xff),
    }));
    for (const { job, pts, wall, data } of entries) {
      writer.add(job, pts, wall, Uint8Array.from(data));
    }
    expect(entriesOf(writer.take(round))).toEqual(entries);
    expect(entriesOf(writer.take(round))).toEqual([]);
  }
});

test("a response carries its request's stamp and size", () => {
  const writer = new BatchWriter();
  const answer = writer.take(1234.5, 77);
  expect([stampOf(answer), requestBytesOf(answer), entriesOf(answer)]).toEqual([1234.5, 77, []]);
});
