import { open, stat } from 'node:fs/promises';
import { bytesOfTable } from '../../media/mp4/table/sample-table.ts';
import { type RecordingHead, readRecordingHead } from '../../record/file/recording-file.ts';
import { type RecordingTable, readRecordingTable } from '../../record/file/recording-table.ts';

/** Some ten hours of pictures and sound. */
const MAX_BYTES = 48 << 20;
/** What an entry takes beside its table: the header, names, the maps. */
const ENTRY_BYTES = 4 << 10;

/** A recording as far as it was whole when it was asked for. */
export interface Tabled extends RecordingTable {
  readonly file: string;
  readonly head: RecordingHead;
}

/** The sample tables of the recordings that are being played: each is read once, and those of files that grow are read on. */
export class TableCache {
  readonly #maxBytes: number;
  readonly #isBeingWritten: (file: string) => boolean;
  /** The least used first. */
  readonly #kept = new Map<string, Tabled>();
  readonly #reading = new Map<string, Promise<Tabled>>();
  #bytes = 0;

  /** @param isBeingWritten by this process */
  constructor(isBeingWritten: (file: string) => boolean = () => false, maxBytes = MAX_BYTES) {
    this.#isBeingWritten = isBeingWritten;
    this.#maxBytes = maxBytes;
  }

  /** What is held: at most the limit, and the newest table whatever its size. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /**
   * The table of a recording as it is now: a look at its size and time, when it is known.
   * @param signal ends the waiting; what others wait for too goes on
   * @throws PerchError when the file is no recording; as `open` does when it is gone
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
