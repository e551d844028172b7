import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import type { RunTable } from '../write/fragment.ts';
import { parseRecordingTail, writeRecordingTail } from '../write/recording-tail.ts';
import { parseSampleTable, SampleTableReader } from './sample-table.ts';
import {
  ALL_SYNC,
  FIRST_SYNC,
  NO_OFFSETS,
  type PlacedRun,
  SAME_DURATION,
  SampleTableWriter,
} from './sample-table-writer.ts';
import { VarintReader, VarintWriter } from './varint.ts';

interface Drawn extends RunTable {
  readonly sizes: number[];
  readonly durations: number[];
  readonly offsets: number[];
  readonly syncs: boolean[];
}

/** A run of up to eight samples that are alike in some columns and not in others. */
function drawRun(trackId: number, baseTime: number, next: () => number): Drawn {
  const count = Math.floor(next() * 9);
  const [isEven, hasOffsets, kind] = [next() < 0.5, next() < 0.5, next()];
  const list = <T>(of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
  const sizes = list(() => Math.floor(next() ** 4 * 300_000));
  const durations = list(() => (isEven ? 3_000 : Math.floor(next() * 6_000)));
  const offsets = list(() => (hasOffsets ? Math.floor(next() * 8_000) - 4_000 : 0));
  const syncs = list((i) => (kind < 0.3 ? true : kind < 0.6 ? i === 0 : next() < 0.5));
  return {
    ...{ trackId, baseTime, count, sizes, durations, offsets, syncs },
    sizeOf: (i) => sizes[i] as number,
    durationOf: (i) => durations[i] as number,
    compositionOffsetOf: (i) => offsets[i] as number,
    isSync: (i) => syncs[i] as boolean,
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Fragments of two tracks (ids 1 and 7), some with other boxes between them. */
function drawRecording(seed: number) {
  const next = random(seed);
  const writer = new SampleTableWriter([1, 7], 1_000);
  const runs: { run: Drawn; fragment: number; fileOffset: number }[] = [];
  const fragments: { offset: number; sizeBytes: number; headerBytes: number }[] = [];
  const times = new Map([
    [1, 0],
    [7, 0],
  ]);
  let at = 1_000;
  for (let fragment = 0; fragment < 20; fragment += 1) {
    at += next() < 0.2 ? 40 : 0;
    const headerBytes = 100 + Math.floor(next() * 200);
    let dataAt = headerBytes;
    const placed: PlacedRun[] = [];
    for (const trackId of [1, 7, 1].filter(() => next() < 0.7)) {
      const run = drawRun(trackId, (times.get(trackId) ?? 0) + (next() < 0.1 ? 500 : 0), next);
      placed.push({ run, dataOffset: dataAt });
      runs.push({ run, fragment, fileOffset: at + dataAt });
      times.set(trackId, run.baseTime + sum(run.durations));
      dataAt += sum(run.sizes);
    }
    writer.addFragment(at, dataAt, headerBytes, placed);
    fragments.push({ offset: at, sizeBytes: dataAt, headerBytes });
    at += dataAt;
  }
  return { bytes: writer.bytes.slice(), runs, fragments };
}

test.for([1, 2, 3, 4, 5, 6, 7, 8])('recording %s made of chance is read back as it was written', (seed) => {
  const { bytes, runs, fragments } = drawRecording(seed);
  const table = parseSampleTable(bytes, [1, 7], 1_000);
  expect([...table.fragmentOffsets]).toEqual(fragments.map(({ offset }) => offset));
  expect([...table.fragmentBytes]).toEqual(fragments.map(({ sizeBytes }) => sizeBytes));
  expect([...table.headerBytes]).toEqual(fragments.map(({ headerBytes }) => headerBytes));
  for (const track of table.tracks) {
    const own = runs.filter(({ run }) => run.trackId === track.trackId);
    const all = <T>(of: (run: Drawn) => readonly T[]): T[] => own.flatMap(({ run }) => of(run));
    expect([...track.sizes]).toEqual(all((run) => run.sizes));
    expect([...track.durations]).toEqual(all((run) => run.durations));
    expect([...(track.compositionOffsets ?? new Int32Array(track.count))]).toEqual(all((run) => run.offsets));
    expect([...track.syncs]).toEqual(all((run) => run.syncs).map(Number));
    expect([...track.runs.baseTimes]).toEqual(own.map(({ run }) => run.baseTime));
    expect([...track.runs.fragments]).toEqual(own.map(({ fragment }) => fragment));
    expect([...track.runs.dataOffsets]).toEqual(own.map(({ fileOffset }) => fileOffset));
    expect([...track.runs.dataBytes]).toEqual(own.map(({ run }) => sum(run.sizes)));
    const isSet = (flag: number) => [...track.runs.flags].map((flags) => (flags & flag) !== 0);
    expect(isSet(SAME_DURATION)).toEqual(own.map(({ run }) => new Set(run.durations).size < 2));
    expect(isSet(ALL_SYNC)).toEqual(own.map(({ run }) => run.syncs.every(Boolean)));
    expect(isSet(FIRST_SYNC)).toEqual(own.map(({ run }) => run.syncs.every((sync, i) => sync === (i === 0))));
  }
});

test('a table that is read in pieces is the same, and no piece has more than it should but the rest of its fragment', () => {
  const { bytes, fragments } = drawRecording(2);
  for (const pieceBytes of [1, 50, 1_000, bytes.length]) {
    const reader = new SampleTableReader(bytes, [1, 7], 1_000);
    let pieces = 1;
    while (reader.read(pieceBytes)) {
      pieces += 1;
    }
    expect(pieces).toBeLessThanOrEqual(Math.ceil(bytes.length / pieceBytes));
    expect(pieces).toBeGreaterThanOrEqual(pieceBytes === 1 ? fragments.length : 1);
    expect(reader.table).toEqual(parseSampleTable(bytes, [1, 7], 1_000));
  }
});

test('damaged tables are rejected or parsed, and never trusted beyond their fragments', () => {
  const { bytes } = drawRecording(1);
  const next = random(9);
  for (let i = 0; i < 5_000; i += 1) {
    const damaged = bytes.slice(0, next() < 0.3 ? Math.floor(next() * bytes.length) : bytes.length);
    for (let k = 0; k < 3; k += 1) {
      damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
    }
    try {
      parseSampleTable(damaged, [1, 7], 1_000);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('a table beyond the limit of samples is rejected before memory is allocated', () => {
  const out = new VarintWriter();
  const count = 20_000_001;
  for (const value of [0, 2 ** 40, 100, 1, 0, 0, 0, count, SAME_DURATION | NO_OFFSETS | ALL_SYNC]) {
    out.push(value);
  }
  // Varints without an end, which a reader would report.
  const bytes = new Uint8Array(out.sizeBytes + count).fill(0x80);
  bytes.set(out.bytes);
  expect(() => parseSampleTable(bytes, [1, 7], 1_000)).toThrow(`sample table with ${count} samples, at most 20000000`);
});

test('numbers up to 2^53 are read, larger ones are rejected', () => {
  const out = new VarintWriter();
  out.push(2 ** 53);
  expect(new VarintReader(out.bytes).next()).toBe(2 ** 53);
  const larger = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
  expect(() => new VarintReader(larger).next()).toThrow('beyond 2^53');
});

test('the box at the end of a recording returns the header and the table, and is recognised only if complete', () => {
  const tail = { init: Uint8Array.of(1, 2, 3), table: Uint8Array.of(4, 5) };
  const bytes = writeRecordingTail(tail);
  expect(parseRecordingTail(bytes)).toEqual(tail);
  expect(new DataView(bytes.buffer).getUint32(bytes.length - 4)).toBe(bytes.length);
  for (let cut = 0; cut < bytes.length; cut += 1) {
    expect(parseRecordingTail(bytes.subarray(0, cut))).toBeUndefined();
  }
});
