/** Speed of each axis, -1 to 1; right, up and in are positive. */
export interface Velocity {
  readonly pan: number;
  readonly tilt: number;
  readonly zoom: number;
}

export const AT_REST: Velocity = { pan: 0, tilt: 0, zoom: 0 };

interface PtzCalls {
  readonly move: (velocity: Velocity) => Promise<unknown>;
  readonly stop: () => Promise<unknown>;
  readonly onFailure: (error: unknown) => void;
}

/** The box stops a camera two seconds after the last command. */
const RENEW_MS = 1_000;
/** Dead zone around the centre. */
const STILL_SHARE = 0.2;
const STEP = 0.1;

/** Repeats the movement while it is wanted. One call at a time: the latest movement is sent after the last response. */
export class PtzMotion {
  readonly #calls: PtzCalls;
  #wanted = AT_REST;
  #sent = AT_REST;
  #isTelling = false;
  /** Timer of the next call: a repetition, or the stop after a tap. */
  #next: ReturnType<typeof setTimeout> | undefined;
  /** When the camera confirmed the movement; undefined while it rests. */
  #movesSinceMs: number | undefined;

  constructor(calls: PtzCalls) {
    this.#calls = calls;
  }

  turn(velocity: Velocity): void {
    this.#wanted = velocity;
    this.#tellNews();
  }

  stop(): void {
    this.turn(AT_REST);
  }

  /** Called when the page closes. */
  leave(): void {
    clearTimeout(this.#next);
    const isMoving = this.#isTelling || !isSame(this.#sent, AT_REST);
    this.#wanted = AT_REST;
    this.#sent = AT_REST;
    if (isMoving) {
      this.#calls.stop().catch(() => {});
    }
  }

  #tellNews(): void {
    if (this.#isTelling || isSame(this.#wanted, this.#sent)) {
      return;
    }
    clearTimeout(this.#next);
    // Shortest visible movement.
    const leftMs = (this.#movesSinceMs ?? 0) + 400 - performance.now();
    if (isSame(this.#wanted, AT_REST) && this.#movesSinceMs !== undefined && leftMs > 0) {
      this.#next = setTimeout(() => this.#tell(), leftMs);
    } else {
      this.#tell();
    }
  }

  async #tell(): Promise<void> {
    this.#isTelling = true;
    const wanted = this.#wanted;
    this.#sent = wanted;
    try {
      await (isSame(wanted, AT_REST) ? this.#calls.stop() : this.#calls.move(wanted));
    } catch (error) {
      this.#calls.onFailure(error);
    }
    this.#isTelling = false;
    this.#movesSinceMs = isSame(wanted, AT_REST) ? undefined : (this.#movesSinceMs ?? performance.now());
    if (!isSame(this.#wanted, this.#sent)) {
      this.#tellNews();
    } else if (!isSame(this.#sent, AT_REST)) {
      this.#next = setTimeout(() => this.#tell(), RENEW_MS);
    }
  }
}

const isSame = (one: Velocity, other: Velocity): boolean =>
  one.pan === other.pan && one.tilt === other.tilt && one.zoom === other.zoom;

/** @param x, y from the centre as a share of the pad's radius; y grows downwards */
export function padVelocity(x: number, y: number): Velocity {
  const distance = Math.hypot(x, y);
  if (distance < STILL_SHARE) {
    return AT_REST;
  }
  const speed = Math.min(1, (distance - STILL_SHARE) / (1 - STILL_SHARE) + STEP);
  const along = (share: number) => inSteps((share / distance) * speed);
  return { pan: along(x), tilt: along(-y), zoom: 0 };
}

/** Avoids `-0` and `0.30000000000000004`. */
const inSteps = (value: number): number => Math.round(value / STEP) / 10 + 0;
