import type { FileHandle } from 'node:fs/promises';
import { TsDemuxer } from '../../media/mpegts/demux/demuxer.ts';
import { START_TICKS } from '../../media/mpegts/mux/mux.ts';
import { PACKET_BYTES } from '../../media/mpegts/packetize.ts';
import { release } from '../../media/sample/slab.ts';
import type { RecordingHead } from '../../record/file/recording-file.ts';
import type { RecordingTable } from '../../record/file/recording-table.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import { readTsHead } from '../../record/mpegts/ts-recording-file.ts';
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

/** @param known an earlier result for the same file, which may have grown; it must not be used afterwards */
export async function readTsTable(handle: FileHandle, known: Partial<TsTable> | undefined): Promise<TsTable> {
  const tsHead = await readTsHead(handle);
  const { mark, fileMark, durationMs, sizeBytes, mtimeMs } = tsHead;
  // Files of other programs do not show whether they grow.
  const isFinished = tsHead.isFinished || fileMark === undefined;
  const isGrown =
    fileMark !== undefined &&
    known?.tsIndex !== undefined &&
    known.head?.isFinished === false &&
    known.head.fileMark?.firstSequence === fileMark.firstSequence &&
    sizeBytes >= known.tsIndex.readBytes;
  const index = (isGrown && known.tsIndex) || new TsIndex(fileMark ? START_TICKS : Number.NaN);
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let at = index.readBytes; at < sizeBytes && !index.isOver; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, sizeBytes - at), at);
    if (bytesRead === 0) {
      break;
    }
    index.push(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  if (isFinished) {
    index.end();
  }
  const { init, table } = index.finish();
  const head = { init, durationMs, mark, fileMark, sizeBytes, mtimeMs, isFinished, tail: undefined };
  const { readBytes: endOffset, fragments: tsFragments } = index;
  return { head, table, endOffset, walked: undefined, tsFragments, tsIndex: index };
}

/** Memory of an index besides its table. */
export const bytesOfIndex = (fragments: readonly TsFragment[]): number => fragments.length * FRAGMENT_COST_BYTES;

/** The duration of a file of another program, from its first time to its last; 0: not known. */
export async function measureTs(handle: ReadableFile, sizeBytes: number): Promise<number> {
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
  const head = await handle.read(buffer, 0, buffer.length, 0);
  demuxer.push(buffer, 0, head.bytesRead);
  const tail = Math.floor((sizeBytes - MEASURED_BYTES) / PACKET_BYTES) * PACKET_BYTES;
  if (tail > 0) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, tail);
    demuxer.push(buffer, 0, bytesRead);
  }
  demuxer.end();
  return last > first ? (last - first) / TICKS_PER_MS : 0;
}
