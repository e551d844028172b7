import { PerchError } from '../../base/errors.ts';
import { readFull } from '../../base/files/read-full.ts';
import { fourcc } from '../../media/mp4/box/boxes.ts';
import { boxAt, viewOf } from '../../media/mp4/box/walk.ts';
import { type Mp4Fragment, type Mp4Init, parseFragment, parseInit } from '../../media/mp4/read/read.ts';
import type { ReadableFile } from './segment-fs.ts';

const FIRST_READ_BYTES = 16 << 10;
/** Of `ftyp` and `moov`. */
export const MAX_INIT_BYTES = 8 << 20;
const MAX_MOOF_BYTES = 8 << 20;
const MOOF = fourcc('moof');
/** Boxes that may be between fragments, and are skipped. */
const SKIPPED = new Set(['free', 'skip', 'sidx', 'styp', 'emsg', 'prft', 'uuid', 'mfra', 'udta'].map(fourcc));

export interface FileInit extends Mp4Init {
  /** The file's first `sizeBytes` bytes. */
  readonly bytes: Uint8Array;
}

/** Reads up to the end of `moov`. @throws PerchError if the file has none */
export async function readInit(handle: ReadableFile, sizeBytes: number): Promise<FileInit> {
  for (let wantedBytes = FIRST_READ_BYTES; ; wantedBytes *= 4) {
    const buffer = new Uint8Array(Math.min(wantedBytes, sizeBytes));
    const bytesRead = await readFull(handle, buffer, 0);
    const init = parseInit(buffer.subarray(0, bytesRead));
    if (init) {
      return { ...init, bytes: buffer.subarray(0, init.sizeBytes) };
    }
    if (bytesRead >= sizeBytes || wantedBytes >= MAX_INIT_BYTES) {
      throw new PerchError('badInput', `recording of ${sizeBytes} bytes has no complete header`);
    }
  }
}

export interface PlacedFragment {
  /** Offset of its `moof` in the file, in bytes. */
  readonly offset: number;
  readonly fragment: Mp4Fragment;
  /** A view, valid until the next call of `next`. */
  readonly moof: Uint8Array;
}

/** Iterates over the fragments of a file, reading little more than headers. Stops at the first incomplete one. */
export class FragmentWalk {
  readonly #handle: ReadableFile;
  readonly #init: Mp4Init;
  readonly #fileBytes: number;
  #window: Uint8Array = new Uint8Array(FIRST_READ_BYTES);
  #windowStart = 0;
  #windowEnd = 0;
  /** Offset of the first byte after the last complete fragment. */
  offset: number;
  /** Why the walk stopped early; undefined for a truncated fragment. */
  fault: PerchError | undefined;

  /** @param fileBytes bytes from this offset on are ignored */
  constructor(handle: ReadableFile, init: Mp4Init, fileBytes: number, offset: number = init.sizeBytes) {
    this.#handle = handle;
    this.#init = init;
    this.#fileBytes = fileBytes;
    this.offset = offset;
  }

  async next(): Promise<PlacedFragment | undefined> {
    try {
      return await this.#next();
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.fault = error;
      return undefined;
    }
  }

  async #next(): Promise<PlacedFragment | undefined> {
    for (let at = this.offset; ; ) {
      const head = await this.#read(at, 16);
      const place = head && boxAt(viewOf(head), 0, head.length);
      if (!place || at + place.end > this.#fileBytes) {
        return undefined;
      }
      if (place.type !== MOOF && SKIPPED.has(place.type)) {
        at += place.end;
        continue;
      }
      if (place.end > MAX_MOOF_BYTES) {
        throw new PerchError('badInput', `MP4 'moof' of ${place.end} bytes, at most ${MAX_MOOF_BYTES}`);
      }
      const bytes = await this.#read(at, place.end + 16);
      const fragment = bytes && parseFragment(bytes, 0, { tracks: this.#init.tracks, moofFileOffset: at });
      if (!fragment || at + fragment.sizeBytes > this.#fileBytes) {
        return undefined;
      }
      this.offset = at + fragment.sizeBytes;
      return { offset: at, fragment, moof: bytes.subarray(0, fragment.moofBytes) };
    }
  }

  /** Reads up to `wantedBytes` at `at`, fewer at the end of the file; undefined if that has no box header. */
  async #read(at: number, wantedBytes: number): Promise<Uint8Array | undefined> {
    const lengthBytes = Math.min(wantedBytes, this.#fileBytes - at);
    if (lengthBytes < 8) {
      return undefined;
    }
    if (at < this.#windowStart || at + lengthBytes > this.#windowEnd) {
      if (this.#window.length < lengthBytes) {
        this.#window = new Uint8Array(lengthBytes * 2);
      }
      const bytesRead = await readFull(this.#handle, this.#window, at);
      this.#windowStart = at;
      this.#windowEnd = at + bytesRead;
      if (bytesRead < lengthBytes) {
        return undefined;
      }
    }
    return this.#window.subarray(at - this.#windowStart, at - this.#windowStart + lengthBytes);
  }
}
