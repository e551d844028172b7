import type { Clock } from '../base/clock.ts';
import type { Ledger } from './ledger.ts';
import type { LocalRecording, RecordingSource } from './storage/contracts.ts';

/** Recordings that are known by name; the rest is only counted. */
const MAX_NEXT = 200;
const PAGE = 200;
/** Between two pages: the index answers others meanwhile. */
const PAGE_PAUSE_MS = 10;
/** Between two looks for the same path. */
const LOOK_MS = 60_000;
const SHORT_LOOK_MS = 5_000;
const LOOK_SHARE = 50;
/** A look that starts at the beginning: finds files that were repaired, and what is protected since. */
const WHOLE_LOOK_MS = 3_600_000;
/** The maximum of `recordSegmentDuration`. */
const MAX_FILE_US = 86_400_000_000;

interface PathLook {
  readonly files: number;
  readonly bytes: number;
  readonly oldestUs: number | undefined;
  readonly next: readonly LocalRecording[];
  /** Recordings before it are archived. */
  readonly doneUs: number;
}

interface Range {
  readonly startUs: number;
  readonly endUs: number;
}

interface WaitingDeps {
  readonly source: RecordingSource;
  readonly ledger: Pick<Ledger, 'has'>;
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs' | 'sleep'>;
}

export interface WaitingTotals {
  readonly files: number;
  readonly bytes: number;
  /** Start of the oldest, Unix microseconds. */
  readonly oldestUs: number | undefined;
}

/** The recordings that wait for the archive, found in the index: there is no list that could be lost. */
export class Waiting {
  readonly #deps: WaitingDeps;
  readonly #looks = new Map<string, PathLook>();
  #next: LocalRecording[] = [];
  #nextLookMs = Number.NEGATIVE_INFINITY;
  #nextShortMs = Number.NEGATIVE_INFINITY;
  #wholeMs = Number.NEGATIVE_INFINITY;

  constructor(deps: WaitingDeps) {
    this.#deps = deps;
  }

  get totals(): WaitingTotals {
    const looks = [...this.#looks.values()];
    const oldest = looks.flatMap(({ oldestUs }) => (oldestUs === undefined ? [] : [oldestUs]));
    return {
      files: looks.reduce((sum, { files }) => sum + files, 0),
      bytes: looks.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestUs: oldest.length === 0 ? undefined : Math.min(...oldest),
    };
  }

  /** The oldest known one; undefined: nothing waits, as far as known. */
  first(): LocalRecording | undefined {
    return this.#next[0];
  }

  /** It is archived, or gone. */
  done(recording: LocalRecording): void {
    this.#next = this.#next.filter((one) => one !== recording);
    const look = this.#looks.get(recording.path);
    if (look) {
      const left = this.#next.find(({ path }) => path === recording.path);
      this.#looks.set(recording.path, {
        ...look,
        files: Math.max(0, look.files - 1),
        bytes: Math.max(0, look.bytes - recording.sizeBytes),
        oldestUs: left?.startUs ?? (look.files > 1 ? look.oldestUs : undefined),
      });
    }
  }

  /** Tries others first. */
  postpone(recording: LocalRecording): void {
    this.#next = [...this.#next.filter((one) => one !== recording), recording];
  }

  /** Looks for what waits, if that is due. */
  async look(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#deps;
    const nowMs = clock.monoMs();
    const isWhole = nowMs - this.#wholeMs >= WHOLE_LOOK_MS;
    // All known ones are done, but others were only counted.
    const isShort = this.#next.length === 0 && this.totals.files > 0;
    const isDue = nowMs >= this.#nextLookMs || (isShort && nowMs >= this.#nextShortMs) || isWhole;
    if (!isDue || !source.isWhole) {
      return;
    }
    const names = await source.names();
    for (const path of this.#looks.keys()) {
      if (!names.includes(path)) {
        this.#looks.delete(path);
      }
    }
    for (const path of names) {
      const fromUs = isWhole ? Number.MIN_SAFE_INTEGER : (this.#looks.get(path)?.doneUs ?? Number.MIN_SAFE_INTEGER);
      this.#looks.set(path, await this.#lookAt(path, fromUs, signal));
      if (signal.aborted) {
        return;
      }
    }
    if (isWhole) {
      this.#wholeMs = nowMs;
    }
    // A long look is rare.
    const endMs = clock.monoMs();
    this.#nextLookMs = endMs + Math.max(LOOK_MS, (endMs - nowMs) * LOOK_SHARE);
    this.#nextShortMs = endMs + SHORT_LOOK_MS;
    const found = [...this.#looks.values()].flatMap(({ next }) => next);
    this.#next = found.sort((a, b) => a.startUs - b.startUs).slice(0, MAX_NEXT);
  }

  async #lookAt(path: string, fromUs: number, signal: AbortSignal): Promise<PathLook> {
    const scope = this.#deps.source.scopeOf(path);
    if (scope === 'no') {
      return NOTHING;
    }
    const { wallMs } = this.#deps.clock;
    const keptMs = this.#deps.source.keptMs(path);
    // Older ones would be deleted from the archive at once.
    const keptUs = keptMs === 0 ? Number.MIN_SAFE_INTEGER : (wallMs() - keptMs) * 1000;
    if (scope === 'all') {
      const all = { startUs: Math.max(fromUs, keptUs), endUs: Number.MAX_SAFE_INTEGER };
      return this.#collect(path, [all], signal, 0);
    }
    const ranges = this.#deps.source.protectedOf(path).filter(({ endUs }) => endUs > keptUs);
    const look = await this.#collect(path, ranges, signal, MAX_FILE_US);
    return { ...look, doneUs: Number.MIN_SAFE_INTEGER };
  }

  /** @param backUs a recording that begins before a range may reach into it */
  async #collect(path: string, ranges: readonly Range[], signal: AbortSignal, backUs: number): Promise<PathLook> {
    const { source, ledger, clock } = this.#deps;
    const seen = new Set<string>();
    const next: LocalRecording[] = [];
    let [files, bytes] = [0, 0];
    let doneUs = Number.MIN_SAFE_INTEGER;
    for (const { startUs, endUs } of ranges) {
      let after: LocalRecording | undefined;
      do {
        const page = source.finishedFrom(path, startUs - backUs, endUs - 1, PAGE, after);
        for (const one of page) {
          const reaches = one.startUs >= startUs || one.startUs + one.durationUs > startUs;
          if (reaches && !seen.has(one.file) && !ledger.has(one)) {
            files += 1;
            bytes += one.sizeBytes;
            next.push(...(next.length < MAX_NEXT ? [one] : []));
            // Ranges may overlap.
            if (ranges.length > 1) {
              seen.add(one.file);
            }
          }
          doneUs = files === 0 ? one.startUs : doneUs;
        }
        after = page.length === PAGE ? page.at(-1) : undefined;
        await clock.sleep(PAGE_PAUSE_MS, signal);
      } while (after && !signal.aborted);
    }
    return { files, bytes, oldestUs: next[0]?.startUs, next, doneUs };
  }
}

const NOTHING: PathLook = { files: 0, bytes: 0, oldestUs: undefined, next: [], doneUs: Number.MIN_SAFE_INTEGER };
