import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { FeatureProblem } from '../../contract.ts';

const PERIOD_MS = 10_000;
/** Events of one box within a period beyond which they are a flood. One that catches up after an outage of days sends fewer. */
const FLOOD_EVENTS = 20_000;

/** Boxes that send more events than those of their cameras can be. */
export class Floods {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop: () => void;
  /** Events of each box in this period. */
  #counts = new Map<string, number>();
  /** When a flood was noticed, in Unix ms, by box. */
  readonly #since = new Map<string, number>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#stop = clock.every(PERIOD_MS, () => this.#look());
  }

  note(box: string): void {
    this.#counts.set(box, (this.#counts.get(box) ?? 0) + 1);
  }

  /** A flood is one until a period with fewer events has passed. */
  problems(): readonly FeatureProblem[] {
    return [...this.#since].map(([name, sinceMs]) => ({
      ...{ name, why: 'flood', text: textOf(name) },
      since: new Date(sinceMs).toISOString(),
    }));
  }

  close(): void {
    this.#stop();
  }

  #look(): void {
    const counts = this.#counts;
    this.#counts = new Map();
    const isFlood = (box: string): boolean => (counts.get(box) ?? 0) > FLOOD_EVENTS;
    for (const box of [...this.#since.keys()].filter((known) => !isFlood(known))) {
      this.#since.delete(box);
    }
    for (const box of [...counts.keys()].filter((one) => isFlood(one) && !this.#since.has(one))) {
      this.#since.set(box, this.#clock.wallMs());
      this.#log.warn({ box, events: counts.get(box), cause: textOf(box) }, 'a box floods the bus of the fleet');
    }
  }
}

const textOf = (box: string): string =>
  `box ${box} sends more than ${FLOOD_EVENTS} events in ${PERIOD_MS / 1000} s: unless it comes back from a long outage, perch fleet revoke FOLDER ${box}`;
