import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

/**
 * Who fetches recordings from a card or recorder: Perch fills a gap, Perch imports from a recorder, or `perch import` does in a process
 * of its own, of which there may be several.
 */
type Fetcher = 'gap' | 'page' | 'command';

/** A mark that is not renewed for as long was left by a process that was killed. */
const FRESH_MS = 15_000;
/** Such a mark is removed. */
const FORGOTTEN_MS = 3_600_000;
export const UNWRITABLE_TEXT =
  'recordings cannot be fetched: the mark of who fetches them cannot be written to the data folder';

/**
 * A file of the data folder for each fetcher, with the path for which it fetches. A fetcher sets its own mark before it reads those of the
 * others, so two never fetch for one path at once, which would record the same pictures twice. Filling gaps stops for an import. Of several
 * imports the first one continues.
 */
export class FetchMark {
  readonly #folder: string;
  readonly #by: Fetcher;
  readonly #name: string;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #log: Pick<Logger, 'warn'>;
  /** The path for which this one fetches, and when its mark was written last. */
  #turn: { readonly path: string; readonly ms: number } | undefined;
  #isSet = false;
  #isUnwritable = false;

  constructor(
    dataDir: string,
    by: Fetcher,
    { clock, log }: { clock: Pick<Clock, 'wallMs'>; log: Pick<Logger, 'warn'> },
  ) {
    this.#folder = join(dataDir, 'fetching');
    this.#by = by;
    this.#name = by === 'command' ? `command-${randomUUID()}.json` : `${by}.json`;
    this.#clock = clock;
    this.#log = log;
  }

  /** The last attempt to set it has failed. */
  get isUnwritable(): boolean {
    return this.#isUnwritable;
  }

  /** To be called again every few seconds. @returns whether it is set, and no other one fetches for this path */
  set(path: string): boolean {
    const ms = this.#clock.wallMs();
    const hasTurn = this.#by !== 'gap' && this.#turn?.path === path && Math.abs(ms - this.#turn.ms) < FRESH_MS;
    this.#turn = undefined;
    if (!this.#write(path, ms)) {
      return false;
    }
    const other = this.otherOf(path);
    if (other !== undefined && !hasTurn) {
      // The mark of an import stays, so that a gap makes way for it.
      if (other !== 'gap' && this.#by !== 'gap') {
        this.clear();
      }
      return false;
    }
    this.#turn = { path, ms };
    return true;
  }

  clear(): void {
    this.#turn = undefined;
    if (this.#isSet) {
      this.#isSet = false;
      rmSync(join(this.#folder, this.#name), { force: true });
    }
  }

  /** Who else fetches for this path now. */
  otherOf(path: string): Fetcher | undefined {
    const nowMs = this.#clock.wallMs();
    let found: Fetcher | undefined;
    for (const name of namesIn(this.#folder)) {
      const by = (['gap', 'page', 'command'] as const).find((one) => name.startsWith(one) && name.endsWith('.json'));
      if (by === undefined || name === this.#name) {
        continue;
      }
      const { path: marked, ms } = readMark(join(this.#folder, name));
      const ageMs = typeof ms === 'number' ? Math.abs(nowMs - ms) : Number.POSITIVE_INFINITY;
      if (ageMs > FORGOTTEN_MS) {
        rmSync(join(this.#folder, name), { force: true });
      }
      found = marked === path && ageMs < FRESH_MS && (found === undefined || found === 'gap') ? by : found;
    }
    return found;
  }

  #write(path: string, ms: number): boolean {
    const file = join(this.#folder, this.#name);
    try {
      // The command may be the first that uses it.
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify({ path, ms }), { mode: 0o600 });
      renameSync(`${file}.new`, file);
      this.#isSet = true;
      this.#isUnwritable = false;
    } catch (error) {
      if (!this.#isUnwritable) {
        this.#log.warn({ path, err: error }, UNWRITABLE_TEXT);
      }
      this.#isUnwritable = true;
    }
    return !this.#isUnwritable;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
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
