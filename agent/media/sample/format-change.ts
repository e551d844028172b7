/** Tells from the headers of frames when the track is another one. */
export class FormatChange {
  /** The format of the track; -1: none yet. */
  #known = -1;
  /** The format of the last frame, if it was doubtful; -1: it was not. */
  #other = -1;

  /**
   * Bytes of a damaged frame may look like another format, so a change counts from its second frame on.
   * @param format header bits that the track depends on, at least 0
   * @returns `doubtful`: the first frame of another format, which is left out
   */
  next(format: number): 'same' | 'new' | 'doubtful' {
    if (format !== this.#known && this.#known >= 0 && format !== this.#other) {
      this.#other = format;
      return 'doubtful';
    }
    const isNew = format !== this.#known;
    this.#known = format;
    this.#other = -1;
    return isNew ? 'new' : 'same';
  }
}
