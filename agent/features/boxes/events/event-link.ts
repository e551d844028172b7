import type { Clock } from '../../../base/clock.ts';
import type { BoxEvent } from '../requests/box-answers.ts';

/** Type of outages of cameras, in lists of events. */
export const OUTAGE = 'perch.offline';
/** Maximum number of events and outages taken from a box, so that it cannot keep this server busy. */
const MAX_PER_SECOND = 100;

/** Brings the events of a box: over a connection to it, or over the bus of a fleet. */
export interface EventLink {
  begin(): void;
  close(): Promise<void>;
  /** Fetches the earlier events of cameras that were added. */
  addPaths(paths: readonly string[]): void;
}

/** What becomes of events, whatever brings them. */
export interface TakesEvents {
  /** Whether a path here shows this camera. */
  isShown(path: string): boolean;
  /** Stores an event of the box. @param isPast from the past: sends no notifications @throws PerchError if the bus is to bring it again */
  take(event: BoxEvent, isPast: boolean): Promise<void>;
  /** Stores an outage of a camera. */
  takeOutage(outage: BoxEvent): Promise<void>;
}

/** Events of Perch itself, such as outages, are not events of a camera. */
export const isOfCamera = ({ type }: BoxEvent): boolean => !type.startsWith('perch.');

/** Lets a box have its share of events in each second. */
export class EventPace {
  readonly #clock: Clock;
  #inSecond = 0;
  #secondMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async wait(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#secondMs >= 1_000) {
      [this.#secondMs, this.#inSecond] = [nowMs, 0];
    }
    this.#inSecond += 1;
    if (this.#inSecond > MAX_PER_SECOND) {
      await this.#clock.sleep(1_000 - (nowMs - this.#secondMs), signal);
      [this.#secondMs, this.#inSecond] = [this.#clock.monoMs(), 1];
    }
  }
}
