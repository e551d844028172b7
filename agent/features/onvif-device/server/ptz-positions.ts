import type { Clock } from '../../../base/clock.ts';
import { ignoreExpected } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { CameraPtz, GenericPosition } from './contract.ts';

type Position = GenericPosition<null>;

/** A recorder asks each second. */
const WAIT_MS = 1_000;
/** A position that stays for this time rests. */
const REST_MS = 900;

interface PositionsDeps {
  readonly source: { readonly ptz: Pick<CameraPtz, 'position'> };
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Where cameras look. A camera is asked once at a time, however often recorders ask. */
export class Positions {
  readonly #deps: PositionsDeps;
  readonly #asked = new Map<string, Promise<Position | undefined>>();

  constructor(deps: PositionsDeps) {
    this.#deps = deps;
  }

  /** Undefined: the camera does not report it, or does not answer within a second. */
  of(path: string): Promise<Position | undefined> {
    const { clock, signal } = this.#deps;
    const over = new AbortController();
    return withJoinedSignal([signal, over.signal], undefined, (joined) =>
      Promise.race([this.#ask(path), clock.sleep(WAIT_MS, joined.signal).then(() => undefined)]).finally(() =>
        over.abort(),
      ),
    );
  }

  #ask(path: string): Promise<Position | undefined> {
    const known = this.#asked.get(path);
    if (known) {
      return known;
    }
    const asked = this.#read(path).finally(() => this.#asked.delete(path));
    this.#asked.set(path, asked);
    return asked;
  }

  async #read(path: string): Promise<Position | undefined> {
    try {
      return await this.#deps.source.ptz.position(path);
    } catch (error) {
      return ignoreExpected(error);
    }
  }
}

interface Journey {
  readonly endsMs: number;
  seen: { readonly text: string; readonly sinceMs: number } | undefined;
}

/** Absolute moves of cameras that are on their way. */
export class Journeys {
  readonly #clock: Clock;
  readonly #running = new Map<string, Journey>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(path: string): void {
    // Until then a camera that has not come to rest counts as moving.
    this.#running.set(path, { endsMs: this.#clock.monoMs() + 10_000, seen: undefined });
  }

  end(path: string): void {
    this.#running.delete(path);
  }

  /** @param at where it looks now; undefined: not known */
  isMoving(path: string, at: Position | undefined): boolean {
    const journey = this.#running.get(path);
    if (!journey) {
      return false;
    }
    const nowMs = this.#clock.monoMs();
    const text = at && `${at.pan} ${at.tilt} ${at.zoom}`;
    const rests = journey.seen !== undefined && journey.seen.text === text && nowMs - journey.seen.sinceMs >= REST_MS;
    if (rests || nowMs >= journey.endsMs) {
      this.end(path);
      return false;
    }
    if (text !== undefined && journey.seen?.text !== text) {
      journey.seen = { text, sinceMs: nowMs };
    }
    return true;
  }
}
