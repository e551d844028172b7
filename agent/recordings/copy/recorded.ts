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
  /** The last recording that was taken: the index may not have it yet. */
  last: Times;
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
    recorded.scannedMs = isDue ? nowMs : recorded.scannedMs;
    const { recordedUs } = await this.#playback.measure({ path, startUs, endUs }, isDue);
    const lastUs = Math.min(endUs, recorded.last.endUs) - Math.max(startUs, recorded.last.startUs);
    const [us, allUs] = [Math.max(lastUs, recordedUs), endUs - startUs];
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
    this.#recordedOf(path).last = times;
  }

  #recordedOf(path: string): RecordedPath {
    const none = { scannedMs: Number.NEGATIVE_INFINITY, last: { startUs: 0, endUs: 0 } };
    const recorded = this.#paths.get(path) ?? none;
    this.#paths.set(path, recorded);
    return recorded;
  }
}
