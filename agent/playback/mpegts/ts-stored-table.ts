import { PerchError } from '../../base/errors.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import { endOfRun } from '../../media/mp4/table/sample-search.ts';
import { type SampleTable, SampleTableReader, type TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { type PlacedRun, SampleTableWriter } from '../../media/mp4/table/sample-table-writer.ts';
import { VarintReader, VarintWriter } from '../../media/mp4/table/varint.ts';
import type { RunTable } from '../../media/mp4/write/fragment.ts';
import { parseRecordingTail, writeRecordingTail } from '../../media/mp4/write/recording-tail.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';
import { type RecordingHead, trackIdsOf } from '../../record/file/recording-file.ts';
import type { TsFragment, TsRun } from './ts-index.ts';

/*
 * The table of an MPEG-TS recording, which is stored next to its copy: a recording tail whose table begins with the places of
 * the samples in the file. All numbers are varints:
 *   number of fragments;
 *   for each fragment: position - position of the previous one (signed), number of runs;
 *   for each run: stream, position - position of the fragment, ordinal, number of samples, size of their bytes;
 *   then the sample table (sample-table-writer.ts).
 */

/** Bytes parsed at a time, between turns of other work. */
const PIECE_BYTES = 512 << 10;

interface StoredTsTable {
  readonly init: FileInit;
  readonly table: SampleTable;
  readonly fragments: readonly TsFragment[];
}

export function writeTsTable(head: Pick<RecordingHead, 'init'>, table: SampleTable, fragments: readonly TsFragment[]) {
  const out = new VarintWriter();
  out.push(fragments.length);
  let last = 0;
  for (const { position, runs } of fragments) {
    out.pushSigned(position - last);
    last = position;
    out.push(runs.length);
    for (const run of runs) {
      for (const number of [run.stream, run.position - position, run.ordinal, run.count, run.sizeBytes]) {
        out.push(number);
      }
    }
  }
  return writeRecordingTail({ init: head.init.bytes, table: Buffer.concat([out.bytes, samplesOf(table)]) });
}

/** @param sizeBytes of the recording @throws PerchError unless it is the table of such a recording */
export async function parseTsTable(bytes: Uint8Array, sizeBytes: number): Promise<StoredTsTable> {
  const tail = parseRecordingTail(bytes);
  const init = tail && parseInit(tail.init);
  if (!tail || !init) {
    throw damaged('no header');
  }
  const input = new VarintReader(tail.table);
  const fragments = readFragments(input, sizeBytes);
  const samples = tail.table.subarray(tail.table.length - input.leftBytes);
  const reader = new SampleTableReader(samples, trackIdsOf({ ...init, bytes: tail.init }), 0);
  while (reader.read(PIECE_BYTES)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { table } = reader;
  const fits = fragments.every(
    (one, i) => table.fragmentOffsets[i] === one.offset && table.fragmentBytes[i] === one.sizeBytes + 1,
  );
  if (table.fragmentCount !== fragments.length || !fits) {
    throw damaged('samples outside of its fragments');
  }
  return { init: { ...init, bytes: tail.init }, table, fragments };
}

function readFragments(input: VarintReader, sizeBytes: number): TsFragment[] {
  const fragments: TsFragment[] = [];
  let [position, offset] = [0, 0];
  for (let left = input.next(); left > 0; left -= 1) {
    position += input.nextSigned();
    const runs: TsRun[] = [];
    let fragmentBytes = 0;
    for (let more = input.next(); more > 0; more -= 1) {
      const stream = input.next();
      const run = { stream, position: position + input.next(), ordinal: input.next(), count: input.next() };
      const runBytes = input.next();
      if (!(run.position < sizeBytes)) {
        throw damaged(`a run at ${run.position} of ${sizeBytes} bytes`);
      }
      runs.push({ ...run, sizeBytes: runBytes });
      fragmentBytes += runBytes;
    }
    // Start codes of three bytes become lengths of four.
    if (position < 0 || fragmentBytes > 2 * sizeBytes) {
      throw damaged(`a fragment of ${fragmentBytes} bytes at ${position} of ${sizeBytes}`);
    }
    fragments.push({ position, offset, sizeBytes: fragmentBytes, runs });
    offset += fragmentBytes + 1;
  }
  return fragments;
}

const damaged = (what: string): PerchError =>
  new PerchError('badInput', `the table of an MPEG-TS recording is damaged: ${what}`);

function samplesOf(table: SampleTable): Uint8Array {
  const writer = new SampleTableWriter(
    table.tracks.map(({ trackId }) => trackId),
    0,
  );
  const next = table.tracks.map(() => 0);
  for (let number = 0; number < table.fragmentCount; number += 1) {
    const offset = table.fragmentOffsets[number] as number;
    const runs: PlacedRun[] = [];
    for (const [i, track] of table.tracks.entries()) {
      const run = next[i] as number;
      if (track.runs.fragments[run] === number && run < track.runs.count) {
        runs.push({ run: runAt(track, run), dataOffset: (track.runs.dataOffsets[run] as number) - offset });
        next[i] = run + 1;
      }
    }
    writer.addFragment(offset, table.fragmentBytes[number] as number, 0, runs);
  }
  return writer.bytes;
}

function runAt(track: TrackSamples, run: number): RunTable {
  const first = track.runs.firstSamples[run] as number;
  return {
    trackId: track.trackId,
    baseTime: track.runs.baseTimes[run] as number,
    count: endOfRun(track, run) - first,
    sizeOf: (i) => track.sizes[first + i] as number,
    durationOf: (i) => track.durations[first + i] as number,
    compositionOffsetOf: (i) => track.compositionOffsets?.[first + i] ?? 0,
    isSync: (i) => track.syncs[first + i] === 1,
  };
}
