import { Readable } from 'node:stream';
import { shiftFragment } from '../../../media/mp4/write/fragment.ts';
import type { LiveFragment } from './live-fragment.ts';
import type { LiveInit } from './live-fragments.ts';
import type { Outlet } from './live-viewer.ts';

/**
 * `live.mp4`: a fragmented MP4 file without end, whose times begin at 0. It ends with the stream, and where the camera changes its
 * parameters: no player takes a second `moov`.
 */
export class LiveBody extends Readable implements Outlet {
  /** By track: what is taken off the times. */
  #startTicks: readonly number[] | undefined;

  readonly #onEnded: () => void;

  /**
   * @param onGone the reader has gone: called once
   * @param onEnded nothing more comes: what waits may still be read
   */
  constructor(onGone: () => void, onEnded: () => void) {
    super();
    this.#onEnded = onEnded;
    this.once('close', onGone);
  }

  get queuedBytes(): number {
    return this.readableLength;
  }

  writeInit(init: LiveInit, startS: number): boolean {
    if (this.#startTicks) {
      return false;
    }
    this.#startTicks = init.tracks.map((track) => Math.round(startS * track.clockRate));
    this.push(init.message.subarray(init.headBytes));
    return true;
  }

  writeFragment({ message, headBytes, moofBytes }: LiveFragment): boolean {
    const dataAt = headBytes + moofBytes;
    const header = Buffer.from(message.subarray(headBytes, dataAt));
    // Sound that is older than the first picture is let go.
    if (this.#startTicks && shiftFragment(header, this.#startTicks)) {
      this.push(header);
      this.push(message.subarray(dataAt));
    }
    // The body's reader may keep it for longer than is visible here.
    return true;
  }

  writeClock(): void {
    // The file has no place for it.
  }

  writeSkip(): void {
    // Players see it by the times.
  }

  end(): void {
    this.push(null);
    this.#onEnded();
  }

  override _read(): void {
    // What there is has been pushed.
  }
}
