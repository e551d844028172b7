import type { Readable } from 'node:stream';
import { lastUpTo } from '../../media/mp4/table/sample-search.ts';
import type { MoofPatch } from './moof-patch.ts';
import { RangeStream } from './range-stream.ts';
import type { FileSource, RecordedFile, Slice, SliceLookup, Source } from './slice.ts';

const SLICE_BYTES = 24;
const SOURCE_BYTES = 150;

/**
 * A download whose bytes are all determined in advance: memory and file ranges in sequence. Any range can be read with
 * constant memory. A slice costs three numbers, as there is one per fragment.
 */
export class VirtualFile implements SliceLookup {
  readonly #sources: Source[] = [];
  /** By slice: its start, its source and the offset in it. */
  readonly #starts: number[] = [];
  readonly #sourceNumbers: number[] = [];
  readonly #offsets: number[] = [];
  #sizeBytes = 0;
  #memoryBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get memoryBytes(): number {
    return this.#memoryBytes + this.#starts.length * SLICE_BYTES + this.#sources.length * SOURCE_BYTES;
  }

  addBytes(bytes: Uint8Array): void {
    this.#memoryBytes += bytes.byteLength;
    this.#sources.push({ bytes });
    this.#push(0, bytes.length);
  }

  /**
   * A range that continues the previous one is merged into it.
   * @param patch applied to its fragment headers; shared by all ranges of a file
   */
  addRange(recording: RecordedFile, offset: number, sizeBytes: number, patch?: MoofPatch): void {
    const last = this.#sources.at(-1);
    const known = last?.recording && last.recording.file === recording.file && last.patch === patch ? last : undefined;
    const source: FileSource = known ?? { recording, patch, endOffset: 0 };
    const lastEnd = known ? (this.#offsets.at(-1) as number) + this.#sizeBytes - (this.#starts.at(-1) as number) : -1;
    source.endOffset = Math.max(source.endOffset, offset + sizeBytes);
    if (!known) {
      this.#memoryBytes += patch?.memoryBytes ?? 0;
      this.#sources.push(source);
    }
    if (lastEnd === offset) {
      this.#sizeBytes += sizeBytes;
    } else {
      this.#push(offset, sizeBytes);
    }
  }

  /** Puts pieces in front: headers that depend on everything else. */
  prepend(pieces: readonly Uint8Array[]): void {
    const moved = this.#starts.length;
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    for (let i = 0; i < moved; i += 1) {
      this.#starts[i] = (this.#starts[i] as number) + lengthBytes;
      this.#sourceNumbers[i] = (this.#sourceNumbers[i] as number) + pieces.length;
    }
    const starts: number[] = [];
    let at = 0;
    for (const bytes of pieces) {
      starts.push(at);
      at += bytes.length;
      this.#memoryBytes += bytes.byteLength;
    }
    this.#sources.unshift(...pieces.map((bytes) => ({ bytes })));
    this.#starts.unshift(...starts);
    this.#sourceNumbers.unshift(...pieces.map((_, i) => i));
    this.#offsets.unshift(...pieces.map(() => 0));
    this.#sizeBytes += lengthBytes;
  }

  /** The bytes [start, end). Files are open only while read, and closed when the stream is destroyed. */
  read(start: number, end: number): Readable {
    return new RangeStream(this, start, Math.min(end, this.#sizeBytes));
  }

  sliceAt(position: number): Slice | undefined {
    if (position >= this.#sizeBytes) {
      return undefined;
    }
    const i = lastUpTo(this.#starts, this.#starts.length, position);
    return {
      source: this.#sources[this.#sourceNumbers[i] as number] as Source,
      start: this.#starts[i] as number,
      end: this.#starts[i + 1] ?? this.#sizeBytes,
      offset: this.#offsets[i] as number,
    };
  }

  #push(offset: number, sizeBytes: number): void {
    this.#starts.push(this.#sizeBytes);
    this.#sourceNumbers.push(this.#sources.length - 1);
    this.#offsets.push(offset);
    this.#sizeBytes += sizeBytes;
  }
}
