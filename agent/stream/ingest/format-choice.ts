import { isSupported } from '../../media/codecs.ts';
import type { RtpFormat } from '../../media/payload/depacketizer.ts';

/** Another format is followed when the present one has been silent for this long; an unknown one is reported after it. */
const STRAY_MS = 1_000;

/** The format of a track's packets, which a sender may change to another of its description. */
export class FormatChoice {
  current: RtpFormat;
  /** Other formats, by payload type. */
  readonly #others: ReadonlyMap<number, RtpFormat>;
  #changedMs = Number.NEGATIVE_INFINITY;
  /** The first payload type outside of them; -1: none. */
  strayType = -1;
  #strayAtMs = 0;

  constructor(format: RtpFormat, others: ReadonlyMap<number, RtpFormat>) {
    this.current = format;
    this.#others = others;
  }

  get payloadTypes(): number[] {
    return [this.current.payloadType, ...this.#others.keys()];
  }

  /** Whether the stray type has been there for a while. */
  isStray(nowMs: number): boolean {
    return nowMs - this.#strayAtMs >= STRAY_MS;
  }

  /** @param silentSinceMs arrival of the last packet of the current format; @returns whether packets of this type are the track's from now on */
  changesTo(type: number, silentSinceMs: number, atMs: number): boolean {
    const format = this.#others.get(type);
    if (!format || !isSupported(format)) {
      if (this.strayType < 0) {
        this.strayType = type;
        this.#strayAtMs = atMs;
      }
      return false;
    }
    if (atMs - Math.max(silentSinceMs, this.#changedMs) < STRAY_MS) {
      return false;
    }
    this.#changedMs = atMs;
    this.current = format;
    return true;
  }
}
