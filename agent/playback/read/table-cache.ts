import { open, stat } from 'node:fs/promises';
import { bytesOfTable } from '../../media/mp4/table/sample-table.ts';
import { type RecordingHead, readRecordingHead } from '../../record/file/recording-file.ts';
import { type RecordingTable, readRecordingTable } from '../../record/file/recording-table.ts';

/** About ten hours of video and audio. */
const MAX_BYTES = 48 << 20;
/** Header, names and maps of an entry. */
const ENTRY_BYTES = 4 << 10;

/** The complete part of a recording at a moment. */
export interface Tabled extends RecordingTable {
  readonly file: string;
  readonly head: RecordingHead;
}

/** Sample tables of recordings being played: read once, extended for growing files. */
export class TableCache {
  readonly #maxBytes: number;
  readonly #isBeingWritten: (file: string) => boolean;
  /** Least recently used first. */
  readonly #kept = new Map<string, Tabled>();
  readonly #reading = new Map<string, Promise<Tabled>>();
  #bytes = 0;

  /** @param isBeingWritten by this process */
  constructor(isBeingWritten: (file: string) => boolean = () => false, maxBytes = MAX_BYTES) {
    this.#isBeingWritten = isBeingWritten;
    this.#maxBytes = maxBytes;
  }

  /** At most the limit, plus the newest table of any size. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /**
   * The current table of a recording; checks its size and time if cached.
   * @param signal ends the wait, not the read that others share
   * @throws PerchError if the file is not a recording; the error of `open` if it is gone
   */
  async of({ file }: { readonly file: string }, signal?: AbortSignal): Promise<Tabled> {
    signal?.throwIfAborted();
    let reading = this.#reading.get(file);
    if (!reading) {
      reading = this.#read(file).finally(() => this.#reading.delete(file));
      this.#reading.set(file, reading);
    }
    const tabled = await reading;
    signal?.throwIfAborted();
    return tabled;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  async #read(file: string): Promise<Tabled> {
    const known = this.#kept.get(file);
    try {
      const { size, mtimeMs } = await stat(file);
      const isSame = known?.head.sizeBytes === size && known.head.mtimeMs === mtimeMs;
      const tabled = isSame ? known : await readTable(file, known, this.#isBeingWritten(file));
      this.#keep(tabled);
      return tabled;
    } catch (error) {
      this.#drop(file);
      throw error;
    }
  }

  #keep(tabled: Tabled): void {
    this.#drop(tabled.file);
    this.#kept.set(tabled.file, tabled);
    this.#bytes += costOf(tabled);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === tabled.file) {
        return;
      }
      this.#drop(oldest);
    }
  }

  #drop(file: string): void {
    const kept = this.#kept.get(file);
    if (kept) {
      this.#bytes -= costOf(kept);
      this.#kept.delete(file);
    }
  }
}

const costOf = ({ table, head }: Tabled): number =>
  bytesOfTable(table) + head.init.bytes.buffer.byteLength + ENTRY_BYTES;

async function readTable(file: string, known: Tabled | undefined, isBeingWritten: boolean): Promise<Tabled> {
  const handle = await open(file, 'r');
  try {
    const head = await readRecordingHead(handle, isBeingWritten);
    const isGrown = known !== undefined && head.sizeBytes >= known.endOffset && isSameHeader(known.head, head);
    const read = await readRecordingTable(handle, head, { isBeingWritten, known: isGrown ? known : undefined });
    return { ...read, file, head };
  } finally {
    await handle.close();
  }
}

const isSameHeader = (one: RecordingHead, other: RecordingHead): boolean =>
  Buffer.compare(one.init.bytes, other.init.bytes) === 0;
