import { PerchError } from '../../base/errors.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import { type RecordingHead, readRecordingHead } from '../../record/file/recording-file.ts';
import { type RecordingTable, readRecordingTable } from '../../record/file/recording-table.ts';
import { readTsHead } from '../../record/mpegts/ts-recording-file.ts';
import type { RangeFile } from '../../record/store/range-file.ts';
import { parseFacts } from '../index/facts.ts';
import type { TsFragment } from '../mpegts/ts-index.ts';
import { parseTsTable } from '../mpegts/ts-stored-table.ts';

const HEAD_BYTES = 16 << 10;
/** What is read at the end of a recording whose table has an unknown size; the rest of the table takes another read. */
const END_BYTES = 256 << 10;
/** What is read at both ends of an MPEG-TS recording: the file's marks and its last checksum. */
const STREAM_HEAD_BYTES = 4 << 10;

interface RangedTable extends RecordingTable {
  readonly file: string;
  readonly head: RecordingHead;
  readonly tsFragments?: readonly TsFragment[];
  readonly openRemote: () => RangeFile;
}

/**
 * Reads the table of a recording that is read by ranges: one range at each end, at the same time. The table of MPEG-TS is its own object.
 * @throws PerchError for a recording without a table, which would have to be fetched whole
 */
export async function readRangedTable(file: string, open: () => RangeFile): Promise<RangedTable> {
  const handle = open();
  try {
    const { size } = await handle.stat();
    const { tailBytes = Math.min(END_BYTES, size) } = parseFacts(handle.facts ?? '') ?? {};
    if (recordFormatOf(file) === 'mpegts') {
      return { ...(await streamTable(handle, size, file)), file, openRemote: open };
    }
    if (tailBytes === 0) {
      throw withoutTable(file);
    }
    await Promise.all([handle.keep(0, Math.min(HEAD_BYTES, size)), handle.keep(size - tailBytes, tailBytes)]);
    const head = await readRecordingHead(handle);
    if (!head.tail) {
      throw new PerchError('unavailable', 'the copy has no table at its end', { copy: file });
    }
    const read = await readRecordingTable(handle, head);
    return { ...read, file, head, openRemote: open };
  } finally {
    await handle.close();
  }
}

const withoutTable = (copy: string): PerchError =>
  new PerchError('unsupported', 'a recording without a table plays only from a disk: fetch the file of its copy', {
    copy,
  });

/** Reads the table of an MPEG-TS recording, which is an object of its own. */
async function streamTable(
  handle: RangeFile,
  size: number,
  file: string,
): Promise<Omit<RangedTable, 'file' | 'openRemote'>> {
  const headBytes = Math.min(STREAM_HEAD_BYTES, size);
  const ends = [handle.keep(0, headBytes), handle.keep(size - headBytes, headBytes)];
  const reading = handle.readTable().catch((error: unknown) => {
    throw error instanceof PerchError && error.code === 'notFound' ? withoutTable(file) : error;
  });
  const [bytes] = await Promise.all([reading, ...ends]);
  const { mark, fileMark, durationMs, sizeBytes, mtimeMs } = await readTsHead(handle);
  const { init, table, fragments: tsFragments } = await parseTsTable(bytes, size);
  const head = { init, durationMs, mark, fileMark, sizeBytes, mtimeMs, isFinished: true, tail: undefined };
  return { head, table, endOffset: size, walked: undefined, tsFragments };
}
