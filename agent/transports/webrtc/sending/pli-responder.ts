import type { Clock } from '../../../base/clock.ts';

/** Browsers repeat a PLI several times a second until they get a key frame. */
const PAUSE_MS = 500;
/** A GOP this young arrives sooner than a new key frame and is small. */
const FRESH_MS = 1_000;
/** Cameras that honour a key frame request do so within this time. */
const KEY_FRAME_WAIT_MS = 300;
/** A viewer that keeps losing the picture gets replays ever more rarely until it has been fine for a while. */
const MAX_PAUSE_MS = 8_000;
const STABLE_MS = 10_000;

export interface KeyFrameSource {
  /** Age of the newest GOP in the cache, or undefined if the cache has no GOP. */
  readonly keyFrameAgeMs: number | undefined;
  /** Replays the newest GOP. */
  restartAtKey(): void;
  /** @returns whether the request reached a source */
  requestKeyFrame(): boolean;
}

/** Answers picture loss indications at a bounded cost, however often they arrive (RFC 4585 §6.3.1). */
export class PliResponder {
  readonly #source: KeyFrameSource;
  readonly #clock: Clock;
  #quietUntilMs: number;
  #lastLossMs = Number.NEGATIVE_INFINITY;
  #nextRestartMs = 0;
  #pauseMs = PAUSE_MS;
  #stopWaiting: (() => void) | undefined;

  /** Created when the first key frame is sent, which answers earlier indications. */
  constructor(source: KeyFrameSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#quietUntilMs = clock.monoMs() + PAUSE_MS;
  }

  onPictureLoss(): void {
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#lastLossMs > STABLE_MS) {
      this.#pauseMs = PAUSE_MS;
    }
    this.#lastLossMs = nowMs;
    if (nowMs < this.#quietUntilMs || this.#stopWaiting) {
      return;
    }
    this.#quietUntilMs = nowMs + PAUSE_MS;
    const ageMs = this.#source.keyFrameAgeMs;
    if (ageMs !== undefined && ageMs <= FRESH_MS && this.#restart()) {
      return;
    }
    if (!this.#source.requestKeyFrame()) {
      this.#restart();
    } else if (ageMs !== undefined) {
      this.#stopWaiting = this.#clock.every(KEY_FRAME_WAIT_MS, () => {
        this.close();
        if ((this.#source.keyFrameAgeMs ?? 0) > KEY_FRAME_WAIT_MS) {
          this.#restart();
        }
      });
    }
  }

  /** The replay was lost, or the viewer moved to another stream: the next indication is answered at once. */
  reset(): void {
    this.#quietUntilMs = this.#clock.monoMs();
    this.#nextRestartMs = 0;
    this.#pauseMs = PAUSE_MS;
  }

  close(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }

  #restart(): boolean {
    const nowMs = this.#clock.monoMs();
    if (nowMs < this.#nextRestartMs || this.#source.keyFrameAgeMs === undefined) {
      return false;
    }
    this.#nextRestartMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    this.#quietUntilMs = nowMs + PAUSE_MS;
    this.#source.restartAtKey();
    return true;
  }
}
