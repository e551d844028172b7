import type { Clock } from '../../agent/base/clock.ts';
import type { PtzQuirks } from './quirks/ptz.ts';

export interface PtzPosition {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

const AT_REST: PtzPosition = { x: 0, y: 0, zoom: 0 };
/** Full speed goes from one end to the other in this time. */
const CROSSING_MS = 10_000;

/** The optics: an angle without zoom, and how many times narrower it gets. */
export const OPTICS = { horizontalDegrees: 54, verticalDegrees: 31.8, fullZoom: 25, panDegrees: 360, tiltDegrees: 90 };

/** The motors of a camera: position and movement, by the clock. */
export class PtzHead {
  readonly presets = new Map<string, { readonly name: string; readonly position: PtzPosition }>();
  home: PtzPosition = AT_REST;
  readonly #clock: Clock;
  readonly #quirks: PtzQuirks;
  #velocity = AT_REST;
  #position = AT_REST;
  #sinceMs = 0;
  #untilMs = Number.POSITIVE_INFINITY;
  #nextPreset = 1;

  constructor(clock: Clock, quirks: PtzQuirks) {
    this.#clock = clock;
    this.#quirks = quirks;
  }

  get moving(): boolean {
    this.#settle();
    return isMoving(this.#velocity);
  }

  get velocity(): PtzPosition {
    this.#settle();
    return this.#velocity;
  }

  get position(): PtzPosition {
    this.#settle();
    return this.#position;
  }

  /** @param timeoutMs it stops by itself then */
  move(velocity: PtzPosition, timeoutMs: number | undefined): void {
    this.#settle();
    this.#velocity = velocity;
    this.#untilMs =
      timeoutMs === undefined || this.#quirks.ignoresMoveTimeout
        ? Number.POSITIVE_INFINITY
        : this.#clock.monoMs() + timeoutMs;
  }

  stop(panTilt: boolean, zoom: boolean): void {
    this.#settle();
    const { x, y, zoom: zoomSpeed } = this.#velocity;
    this.#velocity = { x: panTilt ? 0 : x, y: panTilt ? 0 : y, zoom: zoom ? 0 : zoomSpeed };
  }

  goTo(position: PtzPosition): void {
    this.#settle();
    this.#velocity = AT_REST;
    this.#position = position;
  }

  /** Turns by shares of half of the picture, to the right and up. */
  turnInView(right: number, up: number): void {
    const { x, y, zoom } = this.position;
    const tan = (degrees: number) => Math.tan((degrees / 2) * (Math.PI / 180)) / (1 + zoom * (OPTICS.fullZoom - 1));
    const angle = (share: number, half: number, range: number) =>
      (2 * Math.atan(share * half) * (180 / Math.PI)) / range;
    this.goTo({
      x: clamp(x + angle(right, tan(OPTICS.horizontalDegrees), OPTICS.panDegrees), -1),
      y: clamp(y + angle(up, tan(OPTICS.verticalDegrees), OPTICS.tiltDegrees), -1),
      zoom,
    });
  }

  /** @param token of the preset to replace */
  setPreset(name: string, token = `preset${this.#nextPreset++}`): string {
    this.presets.set(token, { name, position: this.position });
    return token;
  }

  /** Power was off. */
  reset(): void {
    this.goTo(this.home);
  }

  #settle(): void {
    const nowMs = this.#clock.monoMs();
    const movedMs = Math.max(0, Math.min(nowMs, this.#untilMs) - this.#sinceMs);
    const share = (2 * movedMs) / CROSSING_MS;
    const { x, y, zoom } = this.#velocity;
    this.#position = {
      x: clamp(this.#position.x + share * x, -1),
      y: clamp(this.#position.y + share * y, -1),
      zoom: clamp(this.#position.zoom + share * zoom, 0),
    };
    this.#sinceMs = nowMs;
    if (nowMs >= this.#untilMs) {
      this.#velocity = AT_REST;
      this.#untilMs = Number.POSITIVE_INFINITY;
    }
  }
}

const clamp = (value: number, least: number): number => Math.min(1, Math.max(least, value));
const isMoving = ({ x, y, zoom }: PtzPosition): boolean => x !== 0 || y !== 0 || zoom !== 0;
