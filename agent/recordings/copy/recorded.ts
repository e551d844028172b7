import type { Clock } from '../../base/clock.ts';
import type { Playback } from '../../playback/playback.ts';
import { leftOut } from './left-file.ts';
import type { Times } from './recording-list.ts';

/** A folder of many thousand names is not read again for each file. */
const SCAN_MS = 30_000;
/** Names with whole seconds let recordings that follow each other overlap. */
const MAX_OVERLAP_US = 1_500_000;

interface RecordedPath {
  scannedMs: number;
  /** Recordings taken since the scan before the last one: the index may not have them yet, as a scan may have begun earlier. */
  taken: Times[];
  /** How many of them were taken before the last scan. */
  older: number;
}

/** What paths have recordings of. */
export class RecordedTimes {
  readonly #playback: Pick<Playback, 'measure'>;
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #paths = new Map<string, RecordedPath>();

  constructor({
    playback,
    clock,
  }: { readonly playback: Pick<Playback, 'measure'>; readonly clock: Pick<Clock, 'monoMs'> }) {
    this.#playback = playback;
    this.#clock = clock;
  }

  /** @returns whether the path has recordings of all of it @throws PerchError if it has recordings of a part of it */
  async has(path: string, { startUs, endUs }: Times): Promise<boolean> {
    const recorded = this.#recordedOf(path);
    const nowMs = this.#clock.monoMs();
    const isDue = nowMs - recorded.scannedMs >= SCAN_MS;
    const { recordedUs } = await this.#playback.measure({ path, startUs, endUs }, isDue);
    if (isDue) {
      recorded.scannedMs = nowMs;
      recorded.taken = recorded.taken.slice(recorded.older);
      recorded.older = recorded.taken.length;
    }
    const overlaps = recorded.taken.map((one) => Math.min(endUs, one.endUs) - Math.max(startUs, one.startUs));
    const takenUs = overlaps.reduce((sum, us) => sum + Math.max(0, us), 0);
    const [us, allUs] = [Math.max(takenUs, recordedUs), endUs - startUs];
    if (us <= Math.min(MAX_OVERLAP_US, allUs / 2)) {
      return false;
    }
    if (allUs - us > MAX_OVERLAP_US) {
      const [seconds, ofSeconds] = [us, allUs].map((one) => Math.round(one / 1e6));
      throw leftOut('overlap', `the path has recordings of ${seconds} of its ${ofSeconds} seconds`);
    }
    return true;
  }

  take(path: string, times: Times): void {
    this.#recordedOf(path).taken.push(times);
  }

  #recordedOf(path: string): RecordedPath {
    const none: RecordedPath = { scannedMs: Number.NEGATIVE_INFINITY, taken: [], older: 0 };
    const recorded = this.#paths.get(path) ?? none;
    this.#paths.set(path, recorded);
    return recorded;
  }
}
