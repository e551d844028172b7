import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { PerchError } from '../base/errors.ts';

/** Read from the disk at once, at most. */
const CHUNK_BYTES = 256 << 10;

/** Numbers that stand differently in the answer than in the file; in the order of their places. */
export class Patches {
  /** Offsets in the file. */
  readonly places: number[] = [];
  readonly values: number[] = [];
  /** 4 or 8 bytes, big-endian. */
  readonly widths: number[] = [];

  add(place: number, value: number, widthBytes: 4 | 8): void {
    this.places.push(place);
    this.values.push(value);
    this.widths.push(widthBytes);
  }

  /** Writes what falls into `chunk`, which stands at `offset` in the file: also parts of a number at its edges. */
  apply(chunk: Uint8Array, offset: number): void {
    const end = offset + chunk.length;
    for (let i = this.#firstFrom(offset - 7); i < this.places.length; i += 1) {
      const place = this.places[i] as number;
      if (place >= end) {
        return;
      }
      const value = this.values[i] as number;
      const width = this.widths[i] as number;
      for (let byte = 0; byte < width; byte += 1) {
        const at = place + byte - offset;
        if (at >= 0 && at < chunk.length) {
          chunk[at] = Math.floor(value / 2 ** (8 * (width - 1 - byte))) % 256;
        }
      }
    }
  }

  #firstFrom(place: number): number {
    let low = 0;
    let high = this.places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.places[middle] as number) < place) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

interface FileSlice {
  readonly file: string;
  readonly offset: number;
  sizeBytes: number;
  patches: Patches | undefined;
}

type Slice = Uint8Array | FileSlice;

const sizeOf = (slice: Slice): number => (slice instanceof Uint8Array ? slice.length : slice.sizeBytes);

/**
 * An answer whose every byte is known before the first is sent: bytes in memory and ranges of files, one behind the other.
 * Any range of it can be read, with constant memory.
 */
export class VirtualFile {
  readonly #slices: Slice[] = [];
  /** Where each slice begins. */
  readonly #starts: number[] = [];
  #sizeBytes = 0;
  #memoryBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What it costs to keep it. */
  get memoryBytes(): number {
    return this.#memoryBytes + this.#slices.length * 100;
  }

  addBytes(bytes: Uint8Array): void {
    this.#memoryBytes += bytes.length;
    this.#push(bytes);
  }

  /** For what is known only when all the rest is there. */
  prepend(bytes: Uint8Array): void {
    this.#memoryBytes += bytes.length;
    this.#sizeBytes += bytes.length;
    for (let i = 0; i < this.#starts.length; i += 1) {
      this.#starts[i] = (this.#starts[i] as number) + bytes.length;
    }
    this.#slices.unshift(bytes);
    this.#starts.unshift(0);
  }

  /** A range that goes on where the last one ended becomes part of it. */
  addRange(file: string, offset: number, sizeBytes: number): void {
    this.#rangeAt(file, offset, sizeBytes);
  }

  /** @param patch called with where the numbers to be changed are noted */
  addPatchedRange(file: string, offset: number, sizeBytes: number, patch: (patches: Patches) => void): void {
    const slice = this.#rangeAt(file, offset, sizeBytes);
    slice.patches ??= new Patches();
    const before = slice.patches.places.length;
    patch(slice.patches);
    this.#memoryBytes += (slice.patches.places.length - before) * 24;
  }

  /** The bytes [start, end). Files are open only while they are read, and closed when the stream is destroyed. */
  read(start: number, end: number): Readable {
    return Readable.from(this.#chunks(start, end), { objectMode: false, highWaterMark: CHUNK_BYTES });
  }

  async *#chunks(start: number, end: number): AsyncGenerator<Uint8Array, void> {
    let open: OpenSource | undefined;
    try {
      for (let i = this.#sliceAt(start); i < this.#slices.length; i += 1) {
        const slice = this.#slices[i] as Slice;
        const sliceStart = this.#starts[i] as number;
        const from = Math.max(0, start - sliceStart);
        const to = Math.min(sizeOf(slice), end - sliceStart);
        if (from >= to) {
          break;
        }
        if (slice instanceof Uint8Array) {
          yield slice.subarray(from, to);
          continue;
        }
        if (open?.file !== slice.file) {
          await open?.handle.close();
          open = undefined;
          open = await openSource(slice.file);
        }
        for (let at = from; at < to; at += CHUNK_BYTES) {
          yield await readChunk(open, slice, at, Math.min(CHUNK_BYTES, to - at));
        }
      }
    } finally {
      await open?.handle.close();
    }
  }

  #sliceAt(position: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= position) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  #rangeAt(file: string, offset: number, sizeBytes: number): FileSlice {
    const last = this.#slices.at(-1);
    if (last && !(last instanceof Uint8Array) && last.file === file && last.offset + last.sizeBytes === offset) {
      last.sizeBytes += sizeBytes;
      this.#sizeBytes += sizeBytes;
      return last;
    }
    const slice: FileSlice = { file, offset, sizeBytes, patches: undefined };
    this.#push(slice);
    return slice;
  }

  #push(slice: Slice): void {
    this.#slices.push(slice);
    this.#starts.push(this.#sizeBytes);
    this.#sizeBytes += sizeOf(slice);
  }
}

interface OpenSource {
  readonly file: string;
  readonly handle: FileHandle;
}

async function openSource(file: string): Promise<OpenSource> {
  try {
    return { file, handle: await open(file, 'r') };
  } catch (cause) {
    throw new PerchError('notFound', 'recording is gone', { file }, cause);
  }
}

async function readChunk(source: OpenSource, slice: FileSlice, from: number, sizeBytes: number): Promise<Uint8Array> {
  const chunk = Buffer.allocUnsafeSlow(sizeBytes);
  const offset = slice.offset + from;
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await source.handle.read(chunk, filled, sizeBytes - filled, offset + filled);
    if (bytesRead === 0) {
      throw new PerchError('unavailable', 'recording is shorter than it was', { file: source.file });
    }
    filled += bytesRead;
  }
  slice.patches?.apply(chunk, offset);
  return chunk;
}
