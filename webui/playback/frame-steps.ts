/** The part of a video element that frame steps need. */
export interface Steppable {
  currentTime: number;
  readonly duration: number;
  pause(): void;
}

/** Cameras send one to sixty frames per second. */
const MIN_S = 1 / 60;
const EDGE_S = 0.001;

/**
 * Next or previous frame. Browsers do not report frame durations, so the step back grows until another frame appears,
 * and the duration is remembered.
 */
export class FrameStepper {
  readonly #video: Steppable;
  /** Media time of the shown frame. */
  #shownS = 0;
  #lastsS = MIN_S;
  #wanted: { readonly fromS: number; aheadS: number } | undefined;
  /** A frame was presented since the last seek. */
  #hasSeen = true;

  constructor(video: Steppable) {
    this.#video = video;
  }

  step(by: -1 | 1): void {
    this.#video.pause();
    if (by < 0) {
      this.#wanted = undefined;
      this.#video.currentTime = Math.max(0, this.#shownS - EDGE_S);
      return;
    }
    this.#wanted = { fromS: this.#shownS, aheadS: this.#lastsS };
    this.#feel(this.#wanted);
  }

  #feel({ fromS, aheadS }: { readonly fromS: number; readonly aheadS: number }): void {
    const toS = fromS + aheadS + EDGE_S;
    if (toS < this.#video.duration) {
      this.#hasSeen = false;
      this.#video.currentTime = toS;
    } else {
      this.#wanted = undefined;
    }
  }

  /** A frame was presented. @param mediaS its media time */
  see(mediaS: number): void {
    this.#hasSeen = true;
    const wanted = this.#wanted;
    const isSame = wanted !== undefined && Math.abs(mediaS - wanted.fromS) < EDGE_S;
    this.#shownS = mediaS;
    if (!wanted) {
      return;
    }
    if (!isSame) {
      this.#lastsS = Math.max(MIN_S, mediaS - wanted.fromS);
      this.#wanted = undefined;
    } else if (wanted.aheadS < 1.1) {
      wanted.aheadS += MIN_S;
      this.#feel(wanted);
    } else {
      this.#wanted = undefined;
    }
  }

  /** The seek has ended; a browser may not report the same frame again. */
  settle(): void {
    if (this.#wanted && !this.#hasSeen) {
      this.see(this.#shownS);
    }
  }
}
