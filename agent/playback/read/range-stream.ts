import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { PerchError } from '../../base/errors.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import type { StoredMedia } from '../../record/store/range-file.ts';
import { TsFile } from '../mpegts/ts-file.ts';
import type { FileSource, RecordedFile, Slice, SliceLookup } from './slice.ts';

/** Bytes per read, but a fragment's header is never cut. */
const CHUNK_BYTES = 256 << 10;
/** Bytes per read from a copy or another box after the first read: each read is a round trip. */
const REMOTE_CHUNK_BYTES = 1 << 20;
/** Pictures that are read ahead if they lie apart in a recording elsewhere: as many as an archive reads at a time. */
const MAX_COMING = 3;

interface Window {
  readonly source: FileSource;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Bytes [start, end) of a file. */
interface FileRange {
  readonly start: number;
  readonly end: number;
}

interface ComingRange extends FileRange {
  readonly bytes: Promise<Uint8Array>;
}

/** Reads the bytes of a recording; of an MPEG-TS recording, those of its samples. */
type OpenRecording = StoredMedia;

/** A range of a download. Reads one chunk ahead; copies nothing. */
export class RangeStream extends Readable {
  readonly #file: SliceLookup;
  #at: number;
  readonly #end: number;
  #handle: OpenRecording | undefined;
  #recording: RecordedFile | undefined;
  #window: Window | undefined;
  /** Reads ahead in the open recording. */
  #coming: ComingRange[] = [];
  #ahead: Promise<Uint8Array | undefined> | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  /** Whether the open recording has been read from. */
  #hasRead = false;

  constructor(file: SliceLookup, start: number, end: number) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#file = file;
    this.#at = start;
    this.#end = end;
  }

  override _read(): void {
    const chunk = this.#ahead ?? this.#start();
    this.#ahead = undefined;
    chunk.then(
      (bytes) => {
        if (this.destroyed) {
          return;
        }
        if (bytes !== undefined) {
          this.#ahead = this.#start();
        }
        this.push(bytes ?? null);
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#handle?.abort?.();
    // A file is closed only when no read or open is pending.
    this.#reading
      .then(() => this.#close())
      .then(
        () => callback(error),
        (failure: Error) => callback(error ?? failure),
      );
  }

  #start(): Promise<Uint8Array | undefined> {
    const chunk = this.#next();
    // An error is reported when the chunk's turn comes.
    this.#reading = chunk.catch(() => {});
    return chunk;
  }

  async #next(): Promise<Uint8Array | undefined> {
    const slice = this.#at < this.#end ? this.#file.sliceAt(this.#at) : undefined;
    if (!slice) {
      return undefined;
    }
    const { source } = slice;
    const from = slice.offset + this.#at - slice.start;
    const maxBytes = Math.min(slice.end, this.#end) - this.#at;
    let bytes: Uint8Array;
    if (source.recording) {
      const window = await this.#windowFor(slice, source, from);
      bytes = window.bytes.subarray(from - window.offset, from - window.offset + maxBytes);
    } else {
      bytes = source.bytes.subarray(from, from + maxBytes);
    }
    this.#at += bytes.length;
    return bytes;
  }

  /** The window that contains the byte at `from` of the slice's file. */
  async #windowFor(slice: Slice, source: FileSource, from: number): Promise<Window> {
    const { recording, patch } = source;
    const last = this.#window;
    if (last?.source === source && from >= last.offset && from < last.offset + last.bytes.length) {
      return last;
    }
    this.#window = undefined;
    const handle = await this.#open(recording);
    // A patched read serves one slice: sequence numbers differ.
    const chunkBytes = recording.openRemote && this.#hasRead ? REMOTE_CHUNK_BYTES : CHUNK_BYTES;
    this.#hasRead = true;
    const plain = this.#rangeAt(slice, source, this.#at, chunkBytes);
    const wanted = patch?.whole(plain) ?? plain;
    const known = this.#coming.find(({ start, end }) => start === wanted.start && end === wanted.end);
    const reading = known?.bytes ?? readRange(handle, wanted, recording.file);
    if (recording.openRemote && !recording.tsFragments && !patch && wanted.end - wanted.start < chunkBytes) {
      this.#readAhead(handle, slice, source, wanted.end);
    }
    const bytes = await reading;
    patch?.apply(bytes, wanted.start, slice.start - slice.offset);
    this.#window = { source, offset: wanted.start, bytes };
    return this.#window;
  }

  #rangeAt(slice: Slice, source: FileSource, at: number, chunkBytes: number): FileRange {
    const start = slice.offset + at - slice.start;
    const wholeEnd = slice.offset + slice.end - slice.start;
    const limit = source.patch ? wholeEnd : this.#wantedEnd(slice, source, start + chunkBytes);
    return { start, end: Math.min(start + chunkBytes, start + this.#end - at, limit) };
  }

  /** Begins to read the next pictures of a time-lapse: each is a round trip. */
  #readAhead(handle: OpenRecording, { end: at }: Slice, source: FileSource, endOffset: number): void {
    const coming = this.#coming;
    const next: ComingRange[] = [];
    for (let end = endOffset, place = at; next.length < MAX_COMING && place < this.#end; ) {
      const slice = this.#file.sliceAt(place);
      if (!slice || (slice.source.recording && slice.source !== source)) {
        break;
      }
      if (slice.source === source && slice.offset >= end) {
        const range = this.#rangeAt(slice, source, place, REMOTE_CHUNK_BYTES);
        const known = coming.find((one) => one.start === range.start && one.end === range.end);
        next.push(known ?? { ...range, bytes: comingBytes(readRange(handle, range, source.recording.file)) });
        end = range.end;
      }
      place = slice.end;
    }
    this.#coming = next;
  }

  /**
   * Where the next slices of the file that lie close together end: key frames of a time-lapse lie apart, and what is
   * between them is not read.
   */
  #wantedEnd({ end, offset, start }: Slice, source: FileSource, maxEnd: number): number {
    let wantedEnd = offset + end - start;
    for (let at = end; wantedEnd < maxEnd; ) {
      const next = at < this.#end ? this.#file.sliceAt(at) : undefined;
      if (!next || (next.source.recording && next.source !== source)) {
        break;
      }
      if (next.source === source) {
        const skipped = next.offset - wantedEnd;
        // Unwanted bytes between two slices that cost less than another read.
        if (skipped < 0 || skipped > 64 << 10) {
          break;
        }
        wantedEnd = next.offset + next.end - next.start;
      }
      at = next.end;
    }
    return wantedEnd;
  }

  async #open(recording: RecordedFile): Promise<OpenRecording> {
    if (this.#handle && this.#recording?.file === recording.file) {
      return this.#handle;
    }
    await this.#close();
    const handle = await openRecording(recording);
    this.#handle = handle;
    this.#recording = recording;
    this.#hasRead = false;
    const { size } = await handle.stat();
    if (recording.isFinished ? size !== recording.sizeBytes : size < recording.sizeBytes) {
      throw new PerchError('unavailable', 'the size of the recording has changed', { file: recording.file });
    }
    return handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#recording = undefined;
    const coming = this.#coming.splice(0);
    if (coming.length > 0) {
      handle?.abort?.();
      await Promise.allSettled(coming.map(({ bytes }) => bytes));
    }
    await handle?.close();
  }
}

/** @throws PerchError 'notFound' */
export async function openRecording({
  file,
  tsFragments,
  openRemote,
  moves,
}: Pick<RecordedFile, 'file' | 'tsFragments' | 'openRemote' | 'moves'>): Promise<OpenRecording> {
  const handle = openRemote?.() ?? (await (moves ? moves.at(file, openFile) : openFile(file)));
  return tsFragments ? new TsFile(file, handle, tsFragments) : handle;
}

async function readRange(handle: OpenRecording, { start, end }: FileRange, file: string): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(end - start);
  await readFully(handle, bytes, start, file);
  return bytes;
}

/** An error is reported when its turn comes. */
function comingBytes(bytes: Promise<Uint8Array>): Promise<Uint8Array> {
  bytes.catch(() => {});
  return bytes;
}

async function openFile(file: string): Promise<OpenRecording> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw new PerchError('notFound', 'recording is gone', { file }, cause);
  }
}

/** Fills `bytes`. @throws PerchError if the file ends before */
export async function readFully(handle: ReadableFile, bytes: Uint8Array, offset: number, file: string): Promise<void> {
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) {
      throw new PerchError('unavailable', 'recording is shorter than it was', { file });
    }
    filled += bytesRead;
  }
}
