import type { Clock } from '../../../base/clock.ts';
import type { CameraEvent } from '../../../record/events/event.ts';

const LOOK_MS = 60_000;
/** An outage is known some seconds after it has begun or ended. */
const OVERLAP_US = 120e6;

type OutagesOf = (fromUs: number, toUs: number) => readonly CameraEvent[];

/** Reports outages of cameras when they have lasted for a minute, and when they are over. */
export class Outages {
  readonly #clock: Clock;
  readonly #outagesOf: OutagesOf;
  readonly #report: (outage: CameraEvent) => void;
  /** Ends by id: undefined while it is ongoing. */
  #known = new Map<string, number | undefined>();
  #fromUs: number;

  /** @param outagesOf those of all cameras that overlap a period @returns a function that ends it */
  static watch(clock: Clock, outagesOf: OutagesOf, report: (outage: CameraEvent) => void): () => void {
    const outages = new Outages(clock, outagesOf, report);
    return clock.every(LOOK_MS, () => outages.#look());
  }

  private constructor(clock: Clock, outagesOf: OutagesOf, report: (outage: CameraEvent) => void) {
    this.#clock = clock;
    this.#outagesOf = outagesOf;
    this.#report = report;
    this.#fromUs = clock.wallMs() * 1000;
  }

  #look(): void {
    const nowUs = this.#clock.wallMs() * 1000;
    const known = new Map<string, number | undefined>();
    for (const outage of this.#outagesOf(Math.min(this.#fromUs, nowUs), nowUs)) {
      const key = `${outage.path}\n${outage.id}`;
      known.set(key, outage.endUs);
      if (!this.#known.has(key) || this.#known.get(key) !== outage.endUs) {
        this.#report(outage);
      }
    }
    this.#known = known;
    this.#fromUs = nowUs - OVERLAP_US;
  }
}
