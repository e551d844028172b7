import { PerchError } from '../../base/errors.ts';
import { type SampleTable, SampleTableBuilder, SampleTableReader } from '../../media/mp4/table/sample-table.ts';
import { parseRecordingTail } from '../../media/mp4/write/recording-tail.ts';
import type { FileInit } from './fragment-walk.ts';
import { isAfterHole, type LostRange, lostRanges } from './lost-ranges.ts';
import { type RecordingHead, readAt, trackIdsOf } from './recording-file.ts';
import type { ReadableFile } from './segment-fs.ts';
import { type PartChain, WholeParts } from './whole-parts.ts';

/** Read between turns of other work: an hour's table takes one or two, about ten milliseconds each. */
const PIECE_BYTES = 512 << 10;

/** Positions of all samples in the complete part of a recording. */
export interface RecordingTable {
  readonly table: SampleTable;
  /** One past the last complete fragment. */
  readonly endOffset: number;
  /** The table collector of a growing file, which is continued later. */
  readonly walked: Walked | undefined;
  /** Oldest first. */
  readonly lost?: readonly LostRange[];
}

interface Walked {
  readonly builder: SampleTableBuilder;
  readonly chain: PartChain;
}

interface TableOptions {
  /** This process is writing the file. */
  readonly isBeingWritten?: boolean | undefined;
  /** An earlier result for the same file, which may have grown; it must not be used afterwards. */
  readonly known?: RecordingTable | undefined;
}

/** A finished file of Perch contains its table; otherwise its complete parts are read. */
export async function readRecordingTable(
  handle: ReadableFile,
  head: RecordingHead,
  options: TableOptions = {},
): Promise<RecordingTable> {
  return (await tableAtEnd(handle, head)) ?? walkThrough(handle, head, options);
}

async function tableAtEnd(handle: ReadableFile, { tail, init }: RecordingHead): Promise<RecordingTable | undefined> {
  const bytes = tail && (await readAt(handle, tail.offset, tail.sizeBytes));
  const parsed = bytes && parseRecordingTail(bytes);
  if (!parsed) {
    return undefined;
  }
  try {
    const reader = new SampleTableReader(parsed.table, trackIdsOf(init), init.sizeBytes);
    while (reader.read(PIECE_BYTES)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { table } = reader;
    const last = table.fragmentCount - 1;
    const endOffset = (table.fragmentOffsets[last] ?? init.sizeBytes) + (table.fragmentBytes[last] ?? 0);
    const lost = tail.hasHoles ? lostIn(table, init) : {};
    return endOffset <= tail.offset ? { table, endOffset, walked: undefined, ...lost } : undefined;
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

async function walkThrough(
  handle: ReadableFile,
  head: RecordingHead,
  { isBeingWritten, known }: TableOptions,
): Promise<RecordingTable> {
  const walked = known?.walked;
  const parts = new WholeParts(handle, head, { isBeingWritten, chain: walked?.chain });
  const { chain } = parts;
  const builder = chain === walked?.chain ? walked.builder : new SampleTableBuilder(trackIdsOf(head.init));
  for (let placed = await parts.next(); placed; placed = await parts.next()) {
    builder.addFragment(placed.offset, placed.fragment);
  }
  if (head.isFinished) {
    builder.trim();
  }
  const { table } = builder;
  const lost = chain.holes.length > 0 ? lostIn(table, head.init) : {};
  return { table, endOffset: chain.endOffset, walked: { builder, chain }, ...lost };
}

const lostIn = (table: SampleTable, init: FileInit) => ({
  lost: lostRanges(table, init.tracks, isAfterHole(table, init.sizeBytes)),
});
