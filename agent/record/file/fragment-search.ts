import type { Mp4Init } from '../../media/mp4/read/read.ts';
import { FragmentWalk, type PlacedFragment } from './fragment-walk.ts';
import type { ReadableFile } from './readable-file.ts';

const READ_BYTES = 1 << 20;
/** A camera's data may consist of them. */
const MAX_TRIES = 10_000;
const MOOF = Buffer.from('moof');

/** Searches for fragments in unknown bytes, with a bounded number of tries. */
export class FragmentSearch {
  readonly #handle: ReadableFile;
  readonly #init: Mp4Init;
  readonly #fileBytes: number;

  constructor(handle: ReadableFile, init: Mp4Init, fileBytes: number) {
    this.#handle = handle;
    this.#init = init;
    this.#fileBytes = fileBytes;
  }

  /** The first fragment in [from, to) that `fits`. */
  async find(
    from: number,
    to: number,
    fits: (placed: PlacedFragment) => Promise<boolean>,
  ): Promise<PlacedFragment | undefined> {
    const buffer = Buffer.alloc(Math.min(READ_BYTES, Math.max(0, to - from) + 8));
    let tries = 0;
    for (let start = from; start < to && tries < MAX_TRIES; ) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, start);
      const bytes = buffer.subarray(0, bytesRead);
      for (let at = bytes.indexOf(MOOF); at >= 0 && tries < MAX_TRIES; at = bytes.indexOf(MOOF, at + 1)) {
        tries += 1;
        const placed = at < 4 ? undefined : await this.#at(start + at - 4);
        if (placed && placed.offset < to && (await fits(placed))) {
          return placed;
        }
      }
      if (bytesRead < buffer.length) {
        return undefined;
      }
      // A box may start at the end of what was read.
      start += bytesRead - 8;
    }
    return undefined;
  }

  async #at(offset: number): Promise<PlacedFragment | undefined> {
    const placed = await new FragmentWalk(this.#handle, this.#init, this.#fileBytes, offset).next();
    return placed?.offset === offset ? placed : undefined;
  }
}
