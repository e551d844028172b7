import type { Clock } from '../../agent/base/clock.ts';
import type { OutputQuirks, SimulatedRelay } from './quirks/outputs.ts';

const BISTABLE: SimulatedRelay = { mode: 'Bistable', delaySeconds: 0, idle: 'open' };

/** What a camera switches: relays with their contacts, by the clock, and what auxiliary commands have done. */
export class CameraOutputs {
  readonly relays: Map<string, SimulatedRelay>;
  /** Auxiliary commands as they came, with the service that took them. */
  readonly commands: string[] = [];
  readonly #clock: Clock;
  readonly #told: (token: string, isActive: boolean) => void;
  /** When an active relay goes back. */
  readonly #active = new Map<string, number>();
  /** End the waiting of monostable relays. */
  readonly #waiting = new Map<string, AbortController>();

  /** @param told a relay goes to this state, or is in it at first */
  constructor(clock: Clock, { relays = {} }: OutputQuirks, told: (token: string, isActive: boolean) => void) {
    this.#clock = clock;
    this.#told = told;
    for (const token of Object.keys(relays)) {
      told(token, false);
    }
    this.relays = new Map(Object.entries(relays).map(([token, relay]) => [token, { ...BISTABLE, ...relay }]));
  }

  switch(token: string, isActive: boolean): void {
    const { mode, delaySeconds } = this.relays.get(token) ?? BISTABLE;
    const lastsMs = mode === 'Monostable' ? 1000 * delaySeconds : Number.POSITIVE_INFINITY;
    if (isActive) {
      this.#active.set(token, this.#clock.monoMs() + lastsMs);
    } else {
      this.#active.delete(token);
    }
    this.#waiting.get(token)?.abort();
    this.#told(token, isActive);
    if (isActive && mode === 'Monostable') {
      const stop = new AbortController();
      this.#waiting.set(token, stop);
      void this.#clock.sleep(lastsMs, stop.signal).then(() => {
        if (!stop.signal.aborted) {
          this.#told(token, false);
        }
      });
    }
  }

  isActive(token: string): boolean {
    return (this.#active.get(token) ?? Number.NEGATIVE_INFINITY) > this.#clock.monoMs();
  }

  contact(token: string): 'open' | 'closed' {
    const isClosed = (this.relays.get(token)?.idle === 'closed') !== this.isActive(token);
    return isClosed ? 'closed' : 'open';
  }
}
