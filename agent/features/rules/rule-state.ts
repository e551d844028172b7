import type { Clock } from '../../base/clock.ts';
import { HOUR_MS } from '../../base/time/units.ts';
import { type Cause, timeText } from './call-out.ts';
import { type Action, actionKeyOf, lasts, type Rule, secondsOf } from './keys.ts';
import type { RuleItem, RuleResult } from './routes.ts';

/** A rule that runs more often than this in an hour is in a loop, or its event is noise. */
export const MAX_RUNS = 60;

interface Run {
  readonly atMs: number;
  readonly cause: Cause;
  /** One for each action. */
  readonly results: readonly RuleResult[];
  /** Unix milliseconds; undefined: nothing of it lasts. */
  untilMs: number | undefined;
}

/** What is known of a rule, by its name. */
export class RuleState {
  #last: Run | undefined;
  /** Monotonic time of the last run. */
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Monotonic times of the runs of the last hour that no person has asked for, oldest first. */
  #times: readonly number[] = [];
  #stoppedSince: string | undefined;
  /** What it could not do in its last run, or cannot because the camera does not have it, by action. */
  readonly #faults = new Map<string, string>();

  get last(): Run | undefined {
    return this.#last;
  }

  /** RFC 3339: since when it waits because it ran too often. */
  get stoppedSince(): string | undefined {
    return this.#stoppedSince;
  }

  /** Time until the pause after its last run is over; 0: it is. */
  pauseMs(clock: Pick<Clock, 'monoMs'>, lengthMs: number): number {
    return Math.max(0, this.#lastMs + lengthMs - clock.monoMs());
  }

  /** Time until it may run again, if it has run too often; 0: it has not. */
  limitMs(clock: Pick<Clock, 'monoMs' | 'wallMs'>): number {
    const waitMs = this.#limitMs(clock.monoMs());
    if (waitMs > 0) {
      this.#stoppedSince ??= timeText(clock.wallMs());
    }
    return waitMs;
  }

  /** Ends what is over. Call it once a second. */
  tick(clock: Pick<Clock, 'monoMs'>): void {
    if (this.#stoppedSince !== undefined && this.#limitMs(clock.monoMs()) === 0) {
      this.#stoppedSince = undefined;
    }
  }

  #limitMs(nowMs: number): number {
    this.#times = this.#times.filter((at) => at > nowMs - HOUR_MS);
    const [oldest = nowMs] = this.#times;
    return this.#times.length < MAX_RUNS ? 0 : oldest + HOUR_MS - nowMs;
  }

  /** @param isPersons a person has asked for it */
  begun(rule: Rule, cause: Cause, clock: Pick<Clock, 'monoMs' | 'wallMs'>, isPersons: boolean): Run {
    this.#lastMs = clock.monoMs();
    this.#times = isPersons ? this.#times : [...this.#times, this.#lastMs];
    const atMs = clock.wallMs();
    const lengths = rule.then.filter(lasts).map(secondsOf);
    const results = rule.then.map(
      (action): RuleResult => ({ action: actionKeyOf(action) ?? 'run', path: action.path ?? null, problem: null }),
    );
    const untilMs = lengths.length === 0 ? undefined : atMs + Math.max(...lengths) * 1_000;
    this.#last = { atMs, cause, results, untilMs };
    return this.#last;
  }

  /** Nothing of its last run lasts any more. */
  stopped(): void {
    if (this.#last) {
      this.#last.untilMs = undefined;
    }
  }

  /** Notes what came of an action. @param problem undefined: it went well so far */
  note(run: Run, at: number, action: Action, problem: string | undefined): void {
    const { results } = run;
    this.setFault(action, problem);
    const result = results[at];
    if (result && problem !== undefined) {
      result.problem = problem;
    }
    // What lasts has a camera.
    if (!results.some(({ path, problem: missed }) => path !== null && missed === null)) {
      run.untilMs = undefined;
    }
  }

  setFault(action: Action, fault: string | undefined): void {
    if (fault === undefined) {
      this.#faults.delete(JSON.stringify(action));
    } else {
      this.#faults.set(JSON.stringify(action), fault);
    }
  }

  faultOf(action: Action): string | undefined {
    return this.#faults.get(JSON.stringify(action));
  }
}

export const shownRun = ({ atMs, cause, results }: Run): NonNullable<RuleItem['last']> => ({
  time: timeText(atMs),
  by: cause.by,
  user: cause.by === 'event' ? null : cause.user,
  event: cause.by === 'event' ? { id: cause.event.id, path: cause.event.path, type: cause.event.type } : null,
  results: [...results],
});
