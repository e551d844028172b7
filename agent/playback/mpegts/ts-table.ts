import { readFull } from '../../base/files/read-full.ts';
import { TsDemuxer } from '../../media/mpegts/demux/demuxer.ts';
import { START_TICKS } from '../../media/mpegts/mux/mux.ts';
import { PACKET_BYTES } from '../../media/mpegts/packetize.ts';
import { release } from '../../media/sample/slab.ts';
import { lostRanges, type Played, playedOf } from '../../record/file/lost-ranges.ts';
import type { RecordingHead } from '../../record/file/recording-file.ts';
import type { RecordingTable } from '../../record/file/recording-table.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import { findTsParts, type TsSpan } from '../../record/mpegts/ts-parts.ts';
import { readTsHead, type TsRecordingHead } from '../../record/mpegts/ts-recording-file.ts';
import { type TsFragment, TsIndex } from './ts-index.ts';

/** Size of a piece that is read between turns of other work; each takes some milliseconds. */
const PIECE_BYTES = 512 << 10;
/** What is read at both ends of a file of another program, to find its duration. */
const MEASURED_BYTES = 4 << 20;
const FRAGMENT_COST_BYTES = 400;
const TICKS_PER_MS = 90;

interface TsTable extends RecordingTable {
  readonly head: RecordingHead;
  readonly tsFragments: readonly TsFragment[];
  readonly tsIndex: TsIndex;
}

interface TsOptions {
  /** This process writes the file: no power cut has damaged it. */
  readonly isBeingWritten?: boolean;
  /** An earlier result for the same file, which may have grown; it must not be used afterwards. */
  readonly known?: Partial<TsTable> | undefined;
}

export async function readTsTable(
  handle: ReadableFile,
  { isBeingWritten = false, known }: TsOptions = {},
): Promise<TsTable> {
  const tsHead = await readTsHead(handle);
  const { mark, fileMark, durationMs, sizeBytes, mtimeMs } = tsHead;
  // Files of other programs do not show whether they grow.
  const isFinished = tsHead.isFinished || fileMark === undefined;
  const spans = await spansOf(handle, tsHead, isBeingWritten);
  const isGrown =
    fileMark !== undefined &&
    spans.length === 1 &&
    known?.tsIndex?.isEnded === false &&
    known.head?.isFinished === false &&
    known.head.fileMark?.firstSequence === fileMark.firstSequence &&
    sizeBytes >= known.tsIndex.readBytes;
  const index = (isGrown && known.tsIndex) || new TsIndex(fileMark ? START_TICKS : Number.NaN);
  const buffer = new Uint8Array(PIECE_BYTES);
  for (const { start, end } of spans) {
    if (start > index.readBytes) {
      index.passHole(start);
    }
    while (index.readBytes < end && !index.isOver) {
      const { bytesRead } = await handle.read(
        buffer,
        0,
        Math.min(buffer.length, end - index.readBytes),
        index.readBytes,
      );
      if (bytesRead === 0) {
        break;
      }
      index.push(buffer.subarray(0, bytesRead));
    }
  }
  if (isFinished || !isBeingWritten) {
    index.end();
  }
  const { init, table } = index.finish();
  const { afterHoles } = index;
  const lost = afterHoles.size > 0 ? { lost: lostRanges(table, init.tracks, (i) => afterHoles.has(i)) } : {};
  const head = { init, durationMs, mark, fileMark, sizeBytes, mtimeMs, isFinished, tail: undefined };
  const { readBytes: endOffset, fragments: tsFragments } = index;
  return { head, table, endOffset, walked: undefined, tsFragments, tsIndex: index, ...lost };
}

/** What may be read of a file: its complete parts, if a power cut may have damaged others. */
async function spansOf(
  handle: ReadableFile,
  head: TsRecordingHead,
  isBeingWritten: boolean,
): Promise<readonly TsSpan[]> {
  const { fileMark, isFinished, hasHoles, sizeBytes } = head;
  const isSafe = !fileMark || isBeingWritten || (isFinished && !hasHoles);
  return isSafe
    ? [{ start: 0, end: sizeBytes }]
    : (await findTsParts(handle, endOfParts(head), fileMark.firstSequence)).spans;
}

/** The last packet of a finished file belongs to no part. */
const endOfParts = ({ isFinished, sizeBytes }: TsRecordingHead): number =>
  isFinished ? sizeBytes - PACKET_BYTES : sizeBytes;

/** How much of a file plays. */
export async function playedOfTs(
  handle: ReadableFile,
  head: TsRecordingHead,
  isBeingWritten = false,
): Promise<Played | undefined> {
  const { fileMark, isFinished, hasHoles, durationMs, sizeBytes } = head;
  if (!fileMark) {
    const ms = await measureTs(handle, sizeBytes);
    return ms === undefined ? undefined : playedOf(usOf(ms));
  }
  if (isBeingWritten || (isFinished && !hasHoles)) {
    return playedOf(usOf(durationMs));
  }
  const parts = await findTsParts(handle, endOfParts(head), fileMark.firstSequence);
  const isWhole = parts.spans.length === 1 && parts.spans[0]?.start === 0;
  if (isWhole || parts.spans.length === 0) {
    return isWhole ? playedOf(usOf(parts.durationMs)) : undefined;
  }
  const { lost } = await readTsTable(handle);
  return playedOf(usOf(parts.durationMs), lost);
}

// A longer duration in a file is not credible.
const usOf = (ms: number): number => Math.round(Math.min(ms, 100 * 86_400_000) * 1000);

/** Memory of an index besides its table. */
export const bytesOfIndex = (fragments: readonly TsFragment[]): number => fragments.length * FRAGMENT_COST_BYTES;

/** The duration of a file of another program, from its first time to its last, in ms, or undefined if it has no samples. */
async function measureTs(handle: ReadableFile, sizeBytes: number): Promise<number | undefined> {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  const sink = {
    onTrack() {},
    onDamage() {},
    onUnit(_pts: number, dts: number, _key: boolean, data: Uint8Array) {
      first = Math.min(first, dts);
      last = Math.max(last, dts);
      release(data);
    },
  };
  const demuxer = new TsDemuxer(
    { onProgram: (streams) => streams.map(({ codec }) => codec && sink) },
    { isFile: true },
  );
  const buffer = new Uint8Array(Math.min(MEASURED_BYTES, sizeBytes));
  demuxer.push(buffer, 0, await readFull(handle, buffer, 0));
  const tail = Math.floor((sizeBytes - MEASURED_BYTES) / PACKET_BYTES) * PACKET_BYTES;
  if (tail > 0) {
    demuxer.push(buffer, 0, await readFull(handle, buffer, tail));
  }
  demuxer.end();
  return last >= first ? (last - first) / TICKS_PER_MS : undefined;
}
