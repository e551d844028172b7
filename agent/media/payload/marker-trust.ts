/** What is known of a camera's RTP markers. */
const MARKERS = {
  /** No marker was confirmed yet. */
  unproven: 0,
  /** Not confirmed yet, and the current unit has one. */
  marked: 1,
  /** A marker was followed by the next picture. */
  proven: 2,
  /** A marker was followed by the rest of its picture: this camera marks slices. */
  wrong: 3,
} as const;

/** Whether a marker ends its picture. An unproven one is judged by the next NAL unit. */
export class MarkerTrust {
  #state: (typeof MARKERS)[keyof typeof MARKERS];
  /** RTP timestamp of the last unit that a marker ended. */
  #ticks = Number.NaN;

  /** @param isDoubtful the sender is known to set them wrong sometimes */
  constructor(isDoubtful: boolean) {
    this.#state = isDoubtful ? MARKERS.unproven : MARKERS.proven;
  }

  get isMarked(): boolean {
    return this.#state === MARKERS.marked;
  }

  /** @returns whether the unit ends here */
  mark(ticks: number): boolean {
    if (this.#state === MARKERS.proven) {
      this.#ticks = ticks;
      return true;
    }
    if (this.#state === MARKERS.unproven) {
      this.#state = MARKERS.marked;
    }
    return false;
  }

  /** Decides on the first marker. @param isSamePicture of the NAL unit after it */
  judge(isSamePicture: boolean): void {
    this.#state = isSamePicture ? MARKERS.wrong : MARKERS.proven;
  }

  /** Slices without a first one. @returns whether a marker ended their unit, and is wrong */
  isRefutedBy(ticks: number): boolean {
    const isRest = ticks === this.#ticks;
    if (isRest) {
      this.#state = MARKERS.wrong;
    }
    return isRest;
  }

  /** The marker of a unit that has ended is not judged any more. */
  startUnit(): void {
    if (this.#state === MARKERS.marked) {
      this.#state = MARKERS.unproven;
    }
  }
}
