import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

/** Who fetches recordings from a card or recorder: Perch fills a gap, or `perch import` runs in a process of its own. */
type Fetcher = 'gap' | 'command';

/** A mark that is not renewed for as long was left by a process that was killed. */
const FRESH_MS = 15_000;
export const UNWRITABLE_TEXT =
  'recordings cannot be fetched: the mark of who fetches them cannot be written to the data folder';
const OTHER = { gap: 'command', command: 'gap' } as const;

/**
 * A file of the data folder that names the path for which one of the two fetches. Each sets its own mark before it looks at that of the
 * other, so that they never fetch for one path at once, which would record the same pictures twice.
 */
export class FetchMark {
  readonly #dataDir: string;
  readonly #by: Fetcher;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #log: Pick<Logger, 'warn'>;
  #isSet = false;
  #isUnwritable = false;

  constructor(
    dataDir: string,
    by: Fetcher,
    { clock, log }: { clock: Pick<Clock, 'wallMs'>; log: Pick<Logger, 'warn'> },
  ) {
    this.#dataDir = dataDir;
    this.#by = by;
    this.#clock = clock;
    this.#log = log;
  }

  /** The last attempt to set it has failed. */
  get isUnwritable(): boolean {
    return this.#isUnwritable;
  }

  /** To be called again every few seconds. @returns whether it is set, and the other does not fetch for this path */
  set(path: string): boolean {
    const file = this.#fileOf(this.#by);
    try {
      // The command may be the first that uses it.
      mkdirSync(this.#dataDir, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify({ path, ms: this.#clock.wallMs() }), { mode: 0o600 });
      renameSync(`${file}.new`, file);
      this.#isSet = true;
      this.#isUnwritable = false;
    } catch (error) {
      if (!this.#isUnwritable) {
        this.#log.warn({ path, err: error }, UNWRITABLE_TEXT);
      }
      this.#isUnwritable = true;
      return false;
    }
    return !this.isOthers(path);
  }

  clear(): void {
    if (this.#isSet) {
      this.#isSet = false;
      rmSync(this.#fileOf(this.#by), { force: true });
    }
  }

  /** Whether the other fetches for this path now. */
  isOthers(path: string): boolean {
    const { path: marked, ms } = readMark(this.#fileOf(OTHER[this.#by]));
    return marked === path && typeof ms === 'number' && Math.abs(this.#clock.wallMs() - ms) < FRESH_MS;
  }

  #fileOf(by: Fetcher): string {
    return join(this.#dataDir, `fetching-${by}.json`);
  }
}

/** Without a file, or with another content, nothing is marked. */
function readMark(file: string): { readonly path?: unknown; readonly ms?: unknown } {
  try {
    const mark: unknown = JSON.parse(readFileSync(file, 'utf8').slice(0, 4_096));
    return typeof mark === 'object' && mark !== null ? mark : {};
  } catch {
    return {};
  }
}
