import type { Clock } from '../../../base/clock.ts';
import { DAY_US } from '../../../base/time/units.ts';
import type { LocalRecording, RecordingSource } from '../storage/contracts.ts';
import type { Ledger } from './ledger.ts';

/** Maximum number of queued recordings; the others are only counted. */
const MAX_NEXT = 200;
const PAGE = 200;
/** Pause between two pages, so that the index can answer other requests. */
const PAGE_PAUSE_MS = 10;
/** Time between two scans of the index, unless a scan takes long. */
const SCAN_MS = 60_000;
const SHORT_SCAN_MS = 5_000;
const SCAN_SHARE = 50;
/** Time between two scans from the beginning, which find repaired files and what has been protected since. */
const WHOLE_SCAN_MS = 3_600_000;

interface PathScan {
  readonly files: number;
  readonly bytes: number;
  readonly oldestUs: number | undefined;
  readonly next: readonly LocalRecording[];
  /** All recordings that start before this time are archived. */
  readonly doneUs: number;
}

interface Range {
  readonly startUs: number;
  readonly endUs: number;
}

interface UploadQueueDeps {
  readonly source: RecordingSource;
  readonly ledger: Pick<Ledger, 'has'>;
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs' | 'sleep'>;
}

export interface QueueTotals {
  readonly files: number;
  readonly bytes: number;
  /** Start of the oldest recording, Unix microseconds. */
  readonly oldestUs: number | undefined;
}

/** The recordings that wait for the archive, found in the index: there is no list that could be lost. */
export class UploadQueue {
  readonly #deps: UploadQueueDeps;
  readonly #scans = new Map<string, PathScan>();
  /** Earliest start of what was recorded since the last scan, by path: it may have been fetched from the card of a camera. */
  readonly #recordedUs = new Map<string, number>();
  #next: LocalRecording[] = [];
  #nextScanMs = Number.NEGATIVE_INFINITY;
  #nextShortMs = Number.NEGATIVE_INFINITY;
  #wholeMs = Number.NEGATIVE_INFINITY;

  constructor(deps: UploadQueueDeps) {
    this.#deps = deps;
  }

  get totals(): QueueTotals {
    const scans = [...this.#scans.values()];
    const oldest = scans.flatMap(({ oldestUs }) => (oldestUs === undefined ? [] : [oldestUs]));
    return {
      files: scans.reduce((sum, { files }) => sum + files, 0),
      bytes: scans.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestUs: oldest.length === 0 ? undefined : Math.min(...oldest),
    };
  }

  /** The oldest queued recording, or undefined if none is known to wait. */
  first(): LocalRecording | undefined {
    return this.#next[0];
  }

  /** Call this when a recording is archived or no longer exists. */
  done(recording: LocalRecording): void {
    this.#next = this.#next.filter((one) => one !== recording);
    const scan = this.#scans.get(recording.path);
    if (scan) {
      const left = this.#next.find(({ path }) => path === recording.path);
      this.#scans.set(recording.path, {
        ...scan,
        files: Math.max(0, scan.files - 1),
        bytes: Math.max(0, scan.bytes - recording.sizeBytes),
        oldestUs: left?.startUs ?? (scan.files > 1 ? scan.oldestUs : undefined),
      });
    }
  }

  /** Call this when a recording is finished. */
  recorded({ path, startUs }: Pick<LocalRecording, 'path' | 'startUs'>): void {
    this.#recordedUs.set(path, Math.min(startUs, this.#recordedUs.get(path) ?? startUs));
  }

  /** Moves a recording to the end of the queue. */
  postpone(recording: LocalRecording): void {
    this.#next = [...this.#next.filter((one) => one !== recording), recording];
  }

  /** Searches the index for recordings to archive, if a scan is due. */
  async scan(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#deps;
    const nowMs = clock.monoMs();
    const isWhole = nowMs - this.#wholeMs >= WHOLE_SCAN_MS;
    // All queued recordings are done, but others were only counted.
    const isShort = this.#next.length === 0 && this.totals.files > 0;
    const isDue = nowMs >= this.#nextScanMs || (isShort && nowMs >= this.#nextShortMs) || isWhole;
    if (!isDue || !source.isWhole) {
      return;
    }
    const names = await source.names();
    for (const path of this.#scans.keys()) {
      if (!names.includes(path)) {
        this.#scans.delete(path);
      }
    }
    for (const path of names) {
      const former = isWhole ? undefined : this.#scans.get(path);
      const { doneUs = Number.MIN_SAFE_INTEGER } = former ?? {};
      const fromUs = Math.min(doneUs, this.#recordedUs.get(path) ?? doneUs);
      if (former) {
        // The next scan begins there, too, if this one fails.
        this.#scans.set(path, { ...former, doneUs: fromUs });
      }
      this.#recordedUs.delete(path);
      this.#scans.set(path, await this.#scanPath(path, fromUs, signal));
      if (signal.aborted) {
        return;
      }
    }
    if (isWhole) {
      this.#wholeMs = nowMs;
    }
    // The longer a scan takes, the later is the next one.
    const endMs = clock.monoMs();
    this.#nextScanMs = endMs + Math.max(SCAN_MS, (endMs - nowMs) * SCAN_SHARE);
    this.#nextShortMs = endMs + SHORT_SCAN_MS;
    const found = [...this.#scans.values()].flatMap(({ next }) => next);
    this.#next = found.sort((a, b) => a.startUs - b.startUs).slice(0, MAX_NEXT);
  }

  async #scanPath(path: string, fromUs: number, signal: AbortSignal): Promise<PathScan> {
    const scope = this.#deps.source.scopeOf(path);
    if (scope === 'no') {
      return NOTHING;
    }
    const { wallMs } = this.#deps.clock;
    const keptMs = this.#deps.source.keptMs(path);
    // Older recordings would be deleted from the archive at once.
    const keptUs = keptMs === 0 ? Number.MIN_SAFE_INTEGER : (wallMs() - keptMs) * 1000;
    if (scope === 'all') {
      const all = { startUs: Math.max(fromUs, keptUs), endUs: Number.MAX_SAFE_INTEGER };
      return this.#collect(path, [all], signal, 0);
    }
    const ranges = this.#deps.source.protectedOf(path).filter(({ endUs }) => endUs > keptUs);
    // The maximum of `recordSegmentDuration`.
    const scan = await this.#collect(path, ranges, signal, DAY_US);
    return { ...scan, doneUs: Number.MIN_SAFE_INTEGER };
  }

  /** @param backUs how long before a range to search, because a recording that begins earlier may reach into it */
  async #collect(path: string, ranges: readonly Range[], signal: AbortSignal, backUs: number): Promise<PathScan> {
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

const NOTHING: PathScan = { files: 0, bytes: 0, oldestUs: undefined, next: [], doneUs: Number.MIN_SAFE_INTEGER };
