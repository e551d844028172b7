/** Suffix of the path of a camera's sub stream. */
const SUB_SUFFIX = '_sub';

/** Current failures of cameras, so that the two streams of one camera do not log the same failure. */
export class TroubleLog {
  /** Reasons by path; the texts do not contain its name. */
  readonly #reasons = new Map<string, string>();

  /** @returns false if the camera's other stream has the same failure */
  isNews(path: string, reason: string): boolean {
    const words = reason.replaceAll(`'${path}'`, '');
    this.#reasons.set(path, words);
    const other = path.endsWith(SUB_SUFFIX) ? path.slice(0, -SUB_SUFFIX.length) : `${path}${SUB_SUFFIX}`;
    return this.#reasons.get(other) !== words;
  }

  /** Called when the stream has opened, or the source was stopped. */
  forget(path: string): void {
    this.#reasons.delete(path);
  }
}
