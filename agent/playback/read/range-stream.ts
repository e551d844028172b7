import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { PerchError } from '../../base/errors.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import { type StreamHandle, TsFile } from '../mpegts/ts-file.ts';
import type { FileSource, RecordedFile, Slice, SliceLookup } from './slice.ts';

/** Per read, but a fragment's header is never cut. */
const CHUNK_BYTES = 256 << 10;
/** Of the archive or another box, behind the first one: each read is a round trip. */
const REMOTE_CHUNK_BYTES = 1 << 20;
/** Unwanted bytes between two slices that cost less than another read. */
const MAX_SKIPPED_BYTES = 64 << 10;

interface Window {
  readonly source: FileSource;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Reads a recording's bytes, or of MPEG-TS those of its samples. */
type OpenRecording = StreamHandle;

/** A range of a download. Reads one chunk ahead; copies nothing. */
export class RangeStream extends Readable {
  readonly #file: SliceLookup;
  #at: number;
  readonly #end: number;
  #handle: OpenRecording | undefined;
  #recording: RecordedFile | undefined;
  #window: Window | undefined;
  #ahead: Promise<Uint8Array | undefined> | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  /** Of the open recording. */
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

  /** Contains the byte at `from` of the slice's file. */
  async #windowFor(slice: Slice, source: FileSource, from: number): Promise<Window> {
    const { recording, patch } = source;
    const known = this.#window;
    if (known?.source === source && from >= known.offset && from < known.offset + known.bytes.length) {
      return known;
    }
    this.#window = undefined;
    const handle = await this.#open(recording);
    // A patched read serves one slice: sequence numbers differ.
    const chunkBytes = recording.openRemote && this.#hasRead ? REMOTE_CHUNK_BYTES : CHUNK_BYTES;
    this.#hasRead = true;
    const wholeEnd = slice.offset + slice.end - slice.start;
    const limit = patch ? wholeEnd : this.#wantedEnd(slice, source, from + chunkBytes);
    const plain = { start: from, end: Math.min(from + chunkBytes, from + this.#end - this.#at, limit) };
    const wanted = patch?.whole(plain) ?? plain;
    const bytes = Buffer.allocUnsafeSlow(wanted.end - wanted.start);
    await readFully(handle, bytes, wanted.start, recording.file);
    patch?.apply(bytes, wanted.start, slice.start - slice.offset);
    this.#window = { source, offset: wanted.start, bytes };
    return this.#window;
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
        if (skipped < 0 || skipped > MAX_SKIPPED_BYTES) {
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
