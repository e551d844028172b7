import { PerchError } from '../../base/errors.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import { type RecordingHead, readRecordingHead } from '../../record/file/recording-file.ts';
import { type RecordingTable, readRecordingTable } from '../../record/file/recording-table.ts';
import type { ArchivedFile } from '../archived/archived-recordings.ts';
import { parseFacts } from '../archived/facts.ts';

const HEAD_BYTES = 16 << 10;
/** Of a recording whose table's size is not known: the rest of the table takes another read. */
const END_BYTES = 256 << 10;

export type OpenArchived = () => ArchivedFile;

interface ArchivedTable extends RecordingTable {
  readonly file: string;
  readonly head: RecordingHead;
  readonly openArchived: OpenArchived;
}

/**
 * The table of a recording in the archive, by one range at each of its ends, at the same time.
 * @throws PerchError for a recording without a table, which would have to be fetched whole
 */
export async function readArchivedTable(file: string, open: OpenArchived): Promise<ArchivedTable> {
  const handle = open();
  try {
    const { size } = await handle.stat();
    const { tailBytes = Math.min(END_BYTES, size) } = parseFacts(handle.facts ?? '') ?? {};
    if (recordFormatOf(file) === 'mpegts' || tailBytes === 0) {
      const what =
        recordFormatOf(file) === 'mpegts' ? 'an MPEG-TS recording' : 'a recording without a table at its end';
      const text = `${what} does not play from the archive: fetch its file there`;
      throw new PerchError('unsupported', text, { archived: file });
    }
    await Promise.all([handle.keep(0, Math.min(HEAD_BYTES, size)), handle.keep(size - tailBytes, tailBytes)]);
    const head = await readRecordingHead(handle);
    if (!head.tail) {
      throw new PerchError('unavailable', `the archive's copy has no table at its end`, { archived: file });
    }
    const read = await readRecordingTable(handle, head);
    return { ...read, file, head, openArchived: open };
  } finally {
    await handle.close();
  }
}
