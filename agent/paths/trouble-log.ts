/** With it the name of a camera's small stream ends. */
const SUB_SUFFIX = '_sub';

/** What is the matter with the cameras now, so that the two streams of one do not say the same twice. */
export class TroubleLog {
  /** By path, without its name. */
  readonly #reasons = new Map<string, string>();

  /** @returns whether the camera's other stream has not said the same already */
  isNews(path: string, reason: string): boolean {
    const words = reason.replaceAll(`'${path}'`, '');
    this.#reasons.set(path, words);
    const other = path.endsWith(SUB_SUFFIX) ? path.slice(0, -SUB_SUFFIX.length) : `${path}${SUB_SUFFIX}`;
    return this.#reasons.get(other) !== words;
  }

  /** The path's picture is there, or is not wanted any more. */
  forget(path: string): void {
    this.#reasons.delete(path);
  }
}
