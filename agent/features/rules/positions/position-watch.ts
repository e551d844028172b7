import type { Clock } from '../../../base/clock.ts';
import { MINUTE_MS } from '../../../base/time/units.ts';
import type { FeatureProblem } from '../../contract.ts';
import type { Axis } from './stored-position.ts';

/** After a person has steered the camera, or it was moved otherwise, nothing turns it by itself for this long. */
export const STEERED_MS = MINUTE_MS;
/** A camera that turns is asked again after this time, until it rests. */
const SETTLING_MS = 5_000;
/** A camera that rests. */
const RESTING_MS = 10_000;
/** One that does not answer, or does not report where it looks. */
const SILENT_MS = 5 * MINUTE_MS;
/** A camera that something else moves again and again is a problem after this time. */
const MOVING_MS = 10 * MINUTE_MS;
/** Motors stop, and cameras round, within these shares of the range. */
const TOLERANCES: Readonly<Record<Axis, number>> = { pan: 0.02, tilt: 0.02, zoom: 0.05 };

type Position = Partial<Readonly<Record<Axis, number>>>;

interface PositionWatchOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  /** Undefined: the camera does not report it. May reject. */
  read(): Promise<Position | undefined>;
}

/** Notices that a camera was moved by something else than Perch, such as its own app. */
export class PositionWatch {
  readonly #options: PositionWatchOptions;
  #seen: Position | undefined;
  /** It has rested since Perch turned it: what moves it from now on is not Perch. */
  #isArmed = false;
  #dueMs: number;
  /** Changes when Perch turns it: what was read before does not count. */
  #round = 0;
  #looking: Promise<boolean> | undefined;
  /** The first and the last move of those that followed within `STEERED_MS`. */
  #firstMoveMs = Number.NEGATIVE_INFINITY;
  #lastMoveMs = Number.NEGATIVE_INFINITY;

  constructor(options: PositionWatchOptions) {
    this.#options = options;
    this.#dueMs = options.clock.monoMs() + SETTLING_MS;
  }

  get isDue(): boolean {
    return !this.#looking && this.#options.clock.monoMs() >= this.#dueMs;
  }

  get isArmed(): boolean {
    return this.#isArmed;
  }

  /** Something else has moved it less than a minute ago. */
  get isMoving(): boolean {
    return this.#options.clock.monoMs() < this.#lastMoveMs + STEERED_MS;
  }

  /** It does not rest. */
  get problem(): Omit<FeatureProblem, 'name'> | undefined {
    const { clock } = this.#options;
    const lastsMs = clock.monoMs() - this.#firstMoveMs;
    const text = 'Perch does not turn the camera: its own tour or tracking moves it. Switch that off at the camera';
    const since = () => new Date(clock.wallMs() - lastsMs).toISOString();
    return this.isMoving && lastsMs >= MOVING_MS ? { why: 'moving', text, since: since() } : undefined;
  }

  /** Perch turns it. @param lastsMs how long that takes */
  reset(lastsMs: number): void {
    this.#round += 1;
    this.#seen = undefined;
    this.#isArmed = false;
    this.#dueMs = this.#options.clock.monoMs() + lastsMs;
  }

  /** Asks the camera. Never rejects. @returns whether it was moved */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Resolves when the camera has answered. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  async #look(): Promise<boolean> {
    const { clock, read } = this.#options;
    const round = this.#round;
    const now = await read().catch(() => undefined);
    if (round !== this.#round) {
      return false;
    }
    const isSame = now !== undefined && this.#seen !== undefined && isNear(now, this.#seen);
    const isMoved = now !== undefined && this.#isArmed && !isSame;
    this.#isArmed ||= isSame;
    // A slow drift adds up.
    this.#seen = isSame ? this.#seen : (now ?? this.#seen);
    const pauseMs = now === undefined ? SILENT_MS : isSame ? RESTING_MS : SETTLING_MS;
    this.#dueMs = clock.monoMs() + pauseMs;
    if (isMoved) {
      this.#firstMoveMs = this.isMoving ? this.#firstMoveMs : clock.monoMs();
      this.#lastMoveMs = clock.monoMs();
    }
    return isMoved;
  }
}

function isNear(one: Position, other: Position): boolean {
  return (Object.keys(TOLERANCES) as Axis[]).every((axis) => {
    const [a, b] = [one[axis], other[axis]];
    if (a === undefined || b === undefined) {
      return true;
    }
    const apart = Math.abs(a - b);
    // Both ends of a full circle are one direction.
    return Math.min(apart, axis === 'pan' ? 2 - apart : apart) <= TOLERANCES[axis];
  });
}
