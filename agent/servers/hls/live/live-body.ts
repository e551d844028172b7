import { Readable } from 'node:stream';
import { shiftFragment } from '../../../media/mp4/write/fragment.ts';
import type { LiveFragment } from './live-fragment.ts';
import type { LiveInit } from './live-fragments.ts';
import type { ViewerOutput } from './live-viewer.ts';

/**
 * `live.mp4`: an endless fragmented MP4 file whose times start at 0. It ends with the stream, and when the camera
 * changes its parameters: no player supports a second `moov`.
 */
export class LiveBody extends Readable implements ViewerOutput {
  /** Start times by track, subtracted from all times. */
  #startTicks: readonly number[] | undefined;

  readonly #onEnded: () => void;

  /** @param onGone the reader has left @param onEnded nothing follows; queued data may still be read */
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
    // Audio older than the first video frame is dropped.
    if (this.#startTicks && shiftFragment(header, this.#startTicks)) {
      this.push(header);
      this.push(message.subarray(dataAt));
    }
    // The reader of the body may keep it for an unknown time.
    return true;
  }

  writeClock(): void {}

  writeSkip(): void {}

  end(): void {
    this.push(null);
    this.#onEnded();
  }

  override _read(): void {}
}
