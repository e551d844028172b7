import { ClockRate } from './clock-rate.ts';

/** How far the times of a clock known to be wrong may be ahead of their packets' arrival. */
const MAX_AHEAD_MS = 200;
/** Packets that are closer to each other count as arriving together. */
export const MIN_PAUSE_MS = 5;

/** Pauses between packets. TCP may hold the end of a picture until the next one begins (Nagle's algorithm). */
export class PacketPauses {
  /** From the packet before to the last one. */
  idleMs = 0;
  #packetAtMs = 0;
  #pauseMs = 0;
  #pausedUntilMs = 0;

  push(atMs: number): void {
    this.idleMs = atMs - this.#packetAtMs;
    this.#packetAtMs = atMs;
    if (this.idleMs >= MIN_PAUSE_MS) {
      this.#pauseMs = this.idleMs;
      this.#pausedUntilMs = atMs;
    }
  }

  /** The idle time before the last packet: for packets right after a pause, that pause counts once. */
  take(): number {
    const pauseMs = this.#packetAtMs - this.#pausedUntilMs < MIN_PAUSE_MS ? this.#pauseMs : this.idleMs;
    this.#pauseMs = 0;
    return pauseMs;
  }
}

/** A camera's RTP clock in ticks of the announced rate, whichever rate it has. */
export class ScaledClock {
  readonly #announcedHz: number;
  readonly #rate: ClockRate;
  #newestRaw = Number.NEGATIVE_INFINITY;
  /** From this raw tick on the factor of `#rate` applies. */
  #from = 0;
  #ticks = 0;
  /** When the clock was found to be wrong; NaN: it is right. */
  #wrongSinceMs = Number.NaN;
  #wrongSinceTicks = 0;

  constructor(announcedHz: number) {
    this.#announcedHz = announcedHz;
    this.#rate = new ClockRate(announcedHz);
  }

  get fault(): string | undefined {
    const { factor } = this.#rate;
    return factor === 1 ? undefined : `clock counts ${Math.round(this.#announcedHz / factor)} in a second`;
  }

  isNewest(raw: number): boolean {
    return raw > this.#newestRaw;
  }

  /** @param raw newest tick of the camera @param idleMs time without packets before it @returns whether `rescale` has to follow */
  push(raw: number, atMs: number, idleMs: number): boolean {
    this.#newestRaw = raw;
    return this.#rate.push(raw, atMs, idleMs);
  }

  /**
   * Applies a new factor. Lost time is added at once; time is never set back.
   * @param arrivedTicks by arrival @param newestTicks that were given out @param shiftTicks added to the ticks of this clock
   */
  rescale(raw: number, atMs: number, arrivedTicks: number, newestTicks: number, shiftTicks: number): void {
    const now = Math.max(Math.min(arrivedTicks, this.farthestTicks(atMs)), newestTicks + 1);
    this.#ticks = now - shiftTicks;
    this.#from = raw;
    if (this.#rate.factor === 1) {
      this.#wrongSinceMs = Number.NaN;
    } else if (Number.isNaN(this.#wrongSinceMs)) {
      this.#wrongSinceMs = atMs;
      this.#wrongSinceTicks = now;
    }
  }

  setBack(byTicks: number): void {
    this.#ticks -= byTicks;
  }

  ticksOf(raw: number): number {
    const { factor } = this.#rate;
    return factor === 1 && this.#from === 0 ? raw : this.#ticks + Math.round((raw - this.#from) * factor);
  }

  /** Upper limit for times of a clock known to be wrong. */
  farthestTicks(atMs: number): number {
    return Number.isNaN(this.#wrongSinceMs)
      ? Number.POSITIVE_INFINITY
      : this.#wrongSinceTicks + Math.round(((atMs - this.#wrongSinceMs + MAX_AHEAD_MS) * this.#announcedHz) / 1000);
  }
}
