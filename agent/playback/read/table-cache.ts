import { open, stat } from 'node:fs/promises';
import { bytesOfTable } from '../../media/mp4/table/sample-table.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import { type RecordingHead, readRecordingHead } from '../../record/file/recording-file.ts';
import { type RecordingTable, readRecordingTable } from '../../record/file/recording-table.ts';
import type { RangeFile } from '../../record/store/range-file.ts';
import { isCopyFile } from '../../record/store/recording-copies.ts';
import { MovedFiles } from '../index/moved-files.ts';
import type { OpenRemote } from '../mpegts/ts-file.ts';
import type { TsFragment, TsIndex } from '../mpegts/ts-index.ts';
import { bytesOfIndex, readTsTable } from '../mpegts/ts-table.ts';
import { ByteCache } from './byte-cache.ts';
import { readRangedTable } from './ranged-table.ts';

/** Header, names and maps of an entry. */
const ENTRY_BYTES = 4 << 10;

/** The complete part of a recording at a moment. */
export interface Tabled extends RecordingTable {
  readonly file: string;
  readonly head: RecordingHead;
  /** Fragments of an MPEG-TS recording. */
  readonly tsFragments?: readonly TsFragment[];
  /** Index of an MPEG-TS recording on a disk. */
  readonly tsIndex?: TsIndex;
  /** Opens a recording that is not on the disks of this box. */
  readonly openRemote?: OpenRemote;
  /** Tells where a file is that was moved to another disk meanwhile. */
  readonly moves?: MovedFiles;
}

/** Opens a `copyFile`. @throws PerchError */
type OpenCopy = (file: string) => RangeFile;

/** Sample tables of recordings being played: read once, extended for growing files. */
export class TableCache {
  readonly #isBeingWritten: (file: string) => boolean;
  readonly #kept: ByteCache<Tabled>;
  readonly #reading = new Map<string, Promise<Tabled>>();
  readonly #openCopy: OpenCopy;
  readonly moves: MovedFiles;

  /** @param isBeingWritten this process is writing the file */
  constructor(
    isBeingWritten: (file: string) => boolean = () => false,
    // About ten hours of video and audio.
    maxBytes = 48 << 20,
    openCopy: OpenCopy = () => {
      throw new Error('there are no copies');
    },
    moves = new MovedFiles(),
  ) {
    this.moves = moves;
    this.#isBeingWritten = isBeingWritten;
    this.#openCopy = openCopy;
    this.#kept = new ByteCache(maxBytes);
  }

  get sizeBytes(): number {
    return this.#kept.sizeBytes;
  }

  /**
   * The current table of a recording; checks its size and time if cached.
   * @param signal ends the wait, not the read that others share
   * @throws PerchError if the file is not a recording; the error of `open` if it is gone
   */
  async of({ file }: { readonly file: string }, signal?: AbortSignal): Promise<Tabled> {
    signal?.throwIfAborted();
    const tabled = await this.moves.at(file, (there) => this.#shared(there));
    signal?.throwIfAborted();
    return tabled;
  }

  #shared(file: string): Promise<Tabled> {
    let reading = this.#reading.get(file);
    if (!reading) {
      reading = this.#read(file).finally(() => this.#reading.delete(file));
      this.#reading.set(file, reading);
    }
    return reading;
  }

  /** @throws the error of `stat`; PerchError for a copy that cannot be read */
  async statOf(file: string): Promise<{ readonly size: number; readonly mtimeMs: number }> {
    return isCopyFile(file) ? this.#openCopy(file).stat() : this.moves.at(file, (there) => stat(there));
  }

  clear(): void {
    this.#kept.clear();
  }

  async #read(file: string): Promise<Tabled> {
    const known = this.#kept.get(file);
    try {
      const { size, mtimeMs } = await this.statOf(file);
      const isSame = known?.head.sizeBytes === size && known.head.mtimeMs === mtimeMs;
      const tabled = isSame ? known : await this.#readTable(file, known);
      this.#kept.set(file, tabled, costOf(tabled));
      return tabled;
    } catch (error) {
      this.#kept.delete(file);
      throw error;
    }
  }

  async #readTable(file: string, known: Tabled | undefined): Promise<Tabled> {
    if (isCopyFile(file)) {
      return readRangedTable(file, () => this.#openCopy(file));
    }
    return { ...(await readTable(file, known, this.#isBeingWritten(file))), moves: this.moves };
  }
}

/** With lost parts, the table of what plays is kept, too. */
const costOf = ({ table, head, tsFragments = [], lost = [] }: Tabled): number =>
  bytesOfTable(table) * (lost.length > 0 ? 2 : 1) +
  head.init.bytes.buffer.byteLength +
  ENTRY_BYTES +
  bytesOfIndex(tsFragments);

async function readTable(file: string, known: Tabled | undefined, isBeingWritten: boolean): Promise<Tabled> {
  const handle = await open(file, 'r');
  try {
    if (recordFormatOf(file) === 'mpegts') {
      return { ...(await readTsTable(handle, { isBeingWritten, known })), file };
    }
    const head = await readRecordingHead(handle, isBeingWritten);
    const isSame = known !== undefined && Buffer.compare(known.head.init.bytes, head.init.bytes) === 0;
    const isGrown = isSame && head.sizeBytes >= known.endOffset;
    const read = await readRecordingTable(handle, head, { isBeingWritten, known: isGrown ? known : undefined });
    return { ...read, file, head };
  } finally {
    await handle.close();
  }
}
