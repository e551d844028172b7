import type { Clock } from '../../../base/clock.ts';

/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_OFFSET_S = 2_208_988_800;
/** A wall clock that was set since the report makes any number of it. */
const MAX_ROUND_TRIP_MS = 10_000;

/** What a viewer reports about one SSRC. */
interface Reception {
  lost: number;
  /** Extended sequence number; -1: there was no report. */
  highest: number;
  /** Both as they were at the last `takeLoss`. */
  takenLost: number;
  takenHighest: number;
}

/** Packets that a viewer has lost of those that were on their way to it. */
export interface Loss {
  readonly lost: number;
  readonly expected: number;
}

const NOTHING: Loss = { lost: 0, expected: 0 };

/** What a viewer reports about its reception and its link. Reports about SSRCs that are not ours count for nothing. */
export class ViewerHealth {
  /** By the viewer's own estimate; 0: it has given none. */
  estimateBitsPerSecond = 0;
  /** From our sender report to its receiver report and back, without the time between; undefined: not known. */
  roundTripMs: number | undefined;
  readonly #receptions = new Map<number, Reception>();
  readonly #clock: Clock;

  /** @param ssrcs that are sent */
  constructor(ssrcs: readonly number[], clock: Clock) {
    this.#clock = clock;
    for (const ssrc of ssrcs) {
      this.#receptions.set(ssrc, { lost: 0, highest: -1, takenLost: 0, takenHighest: -1 });
    }
  }

  get lost(): number {
    return [...this.#receptions.values()].reduce((sum, { lost }) => sum + Math.max(0, lost), 0);
  }

  /** Of one track, as its latest report has it. */
  lostOf(ssrc: number): number {
    return this.#receptions.get(ssrc)?.lost ?? 0;
  }

  /** Of the packets that the reports since the last call speak of; the first report is where they begin. */
  takeLoss(ssrc: number): Loss {
    const reception = this.#receptions.get(ssrc);
    if (!reception || reception.highest < 0) {
      return NOTHING;
    }
    const { lost, highest, takenLost, takenHighest } = reception;
    reception.takenLost = lost;
    reception.takenHighest = highest;
    const expected = takenHighest < 0 ? 0 : (highest - takenHighest) | 0;
    return expected <= 0 ? NOTHING : { expected, lost: Math.max(0, lost - takenLost) };
  }

  /** A report block as `RtcpSink` has it. */
  onReport(ssrc: number, lost: number, highest: number, lastReport: number, delay: number): void {
    const reception = this.#receptions.get(ssrc);
    if (!reception) {
      return;
    }
    reception.lost = lost;
    reception.highest = highest;
    if (lastReport !== 0) {
      this.#measureRoundTrip(lastReport, delay);
    }
  }

  onEstimate(bitsPerSecond: number): void {
    this.estimateBitsPerSecond = bitsPerSecond;
  }

  /** RFC 3550 §6.4.1: all in 1/65536 s modulo 2^32. */
  #measureRoundTrip(lastReport: number, delay: number): void {
    const now = Math.round((this.#clock.wallMs() / 1000 + NTP_OFFSET_S) * 65_536) % 2 ** 32;
    const units = (now - lastReport - delay) | 0;
    const roundTripMs = units / 65.536;
    // Its clock counts the delay in steps of its own: a link without any delay comes out a little below nothing.
    if (roundTripMs >= -10 && roundTripMs <= MAX_ROUND_TRIP_MS) {
      this.roundTripMs = Math.max(0, roundTripMs);
    }
  }
}
