import type { Clock } from '../../../base/clock.ts';

/** Browsers repeat themselves several times a second until they have what they need. */
const PAUSE_MS = 500;
/** A group that began so lately is at hand sooner than a new key frame, and small. */
const FRESH_MS = 1_000;
/** Cameras that heed the wish do so within this time. */
const PATIENCE_MS = 300;
/** A viewer that loses its picture again and again is sent groups ever more rarely, until it has been content for a while. */
const MAX_PAUSE_MS = 8_000;
const CONTENT_MS = 10_000;

/** Where key frames come from. */
export interface KeyFrames {
  /** Age of the newest one that can be sent again with all that has followed it; undefined: there is none. */
  readonly keyFrameAgeMs: number | undefined;
  /** Sends that one and all that has followed it. */
  restartAtKey(): void;
  /** @returns whether there is anybody to ask for a new one */
  requestKeyFrame(): boolean;
}

/** Helps a viewer that cannot go on without a key frame, at a bounded cost however often it asks (RFC 4585 §6.3.1). */
export class PictureLoss {
  readonly #keys: KeyFrames;
  readonly #clock: Clock;
  #quietUntilMs: number;
  #lastLossMs = Number.NEGATIVE_INFINITY;
  #nextRestartMs = 0;
  #pauseMs = PAUSE_MS;
  #stopWaiting: (() => void) | undefined;

  /** To be made when the viewer is sent its first key frame: what it asked before that has come is answered by it. */
  constructor(keys: KeyFrames, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
    this.#quietUntilMs = clock.monoMs() + PAUSE_MS;
  }

  onPictureLoss(): void {
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#lastLossMs > CONTENT_MS) {
      this.#pauseMs = PAUSE_MS;
    }
    this.#lastLossMs = nowMs;
    if (nowMs < this.#quietUntilMs || this.#stopWaiting) {
      return;
    }
    this.#quietUntilMs = nowMs + PAUSE_MS;
    const ageMs = this.#keys.keyFrameAgeMs;
    if (ageMs !== undefined && ageMs <= FRESH_MS && this.#restart()) {
      return;
    }
    if (!this.#keys.requestKeyFrame()) {
      this.#restart();
    } else if (ageMs !== undefined) {
      this.#stopWaiting = this.#clock.every(PATIENCE_MS, () => {
        this.close();
        if ((this.#keys.keyFrameAgeMs ?? 0) > PATIENCE_MS) {
          this.#restart();
        }
      });
    }
  }

  /** What it was sent as a help is lost, or it gets other pictures: the next one need not wait. */
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
    if (nowMs < this.#nextRestartMs || this.#keys.keyFrameAgeMs === undefined) {
      return false;
    }
    this.#nextRestartMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    this.#quietUntilMs = nowMs + PAUSE_MS;
    this.#keys.restartAtKey();
    return true;
  }
}
