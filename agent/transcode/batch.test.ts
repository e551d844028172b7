import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { BatchWriter, readBatch, requestBytesOf, stampOf } from './batch.ts';

interface Entry {
  readonly lane: number;
  readonly pts: number;
  readonly wall: number;
  readonly data: number[];
}

function entriesOf(batch: ArrayBuffer): Entry[] {
  const entries: Entry[] = [];
  readBatch(batch, (lane, pts, wall, data) => entries.push({ lane, pts, wall, data: [...data] }));
  return entries;
}

test('samples of any length come out as they went in, in their order', () => {
  const next = random(6);
  const writer = new BatchWriter();
  for (let round = 0; round < 5; round += 1) {
    const entries = Array.from({ length: round * 100 }, (_, i) => ({
      lane: Math.floor(next() * 2 ** 32),
      pts: next() * 2 ** 52,
      wall: 1_700_000_000_000 + next(),
      data: Array.from({ length: Math.floor(next() ** 4 * 3000) }, () => i & 0xff),
    }));
    for (const { lane, pts, wall, data } of entries) {
      writer.add(lane, pts, wall, Uint8Array.from(data));
    }
    expect(entriesOf(writer.take(round))).toEqual(entries);
    expect(entriesOf(writer.take(round))).toEqual([]);
  }
});

test('an answer tells when its request was made and how large it was', () => {
  const writer = new BatchWriter();
  const answer = writer.take(1234.5, 77);
  expect([stampOf(answer), requestBytesOf(answer), entriesOf(answer)]).toEqual([1234.5, 77, []]);
});
