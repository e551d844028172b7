import type { Clock } from '../../../base/clock.ts';

/** Seconds from 1900 (NTP) to 1970. */
const NTP_OFFSET_S = 2_208_988_800;

interface ReportedSource {
  lost: number;
  /** Highest received sequence number, extended to 32 bits; -1: no report yet. */
  highest: number;
  /** Values of `lost` and `highest` at the last `takeLoss`. */
  takenLost: number;
  takenHighest: number;
}

export interface ReportedLoss {
  readonly lost: number;
  readonly expected: number;
}

const NO_LOSS: ReportedLoss = { lost: 0, expected: 0 };

/** A viewer's receiver reports and bandwidth estimate. Reports about unknown SSRCs are ignored. */
export class ReceiverReports {
  /** The viewer's bandwidth estimate; 0: no estimate yet. */
  estimateBitsPerSecond = 0;
  /** Time from a sender report to its receiver report, without the viewer's delay, or undefined if unknown. */
  roundTripMs: number | undefined;
  readonly #sources = new Map<number, ReportedSource>();
  readonly #clock: Clock;

  constructor(ssrcs: readonly number[], clock: Clock) {
    this.#clock = clock;
    for (const ssrc of ssrcs) {
      this.#sources.set(ssrc, { lost: 0, highest: -1, takenLost: 0, takenHighest: -1 });
    }
  }

  get lost(): number {
    return [...this.#sources.values()].reduce((sum, { lost }) => sum + Math.max(0, lost), 0);
  }

  /** Lost packets of an SSRC, as of the latest report. */
  lostOf(ssrc: number): number {
    return this.#sources.get(ssrc)?.lost ?? 0;
  }

  /** Losses reported since the last call. The first report is the baseline. */
  takeLoss(ssrc: number): ReportedLoss {
    const source = this.#sources.get(ssrc);
    if (!source || source.highest < 0) {
      return NO_LOSS;
    }
    const { lost, highest, takenLost, takenHighest } = source;
    source.takenLost = lost;
    source.takenHighest = highest;
    const expected = takenHighest < 0 ? 0 : (highest - takenHighest) | 0;
    return expected <= 0 ? NO_LOSS : { expected, lost: Math.max(0, lost - takenLost) };
  }

  onReport(ssrc: number, lost: number, highest: number, lastReport: number, delay: number): void {
    const source = this.#sources.get(ssrc);
    if (!source) {
      return;
    }
    source.lost = lost;
    source.highest = highest;
    if (lastReport !== 0) {
      this.#measureRoundTrip(lastReport, delay);
    }
  }

  onEstimate(bitsPerSecond: number): void {
    this.estimateBitsPerSecond = bitsPerSecond;
  }

  /** Measures the round trip by RFC 3550 §6.4.1. @param lastReport,delay in 1/65536 s modulo 2^32 */
  #measureRoundTrip(lastReport: number, delay: number): void {
    const now = Math.round((this.#clock.wallMs() / 1000 + NTP_OFFSET_S) * 65_536) % 2 ** 32;
    const units = (now - lastReport - delay) | 0;
    const roundTripMs = units / 65.536;
    // The viewer's clock rounds the delay: a link without delay yields slightly negative values.
    // A larger value comes from a wall clock that was set.
    if (roundTripMs >= -10 && roundTripMs <= 10_000) {
      this.roundTripMs = Math.max(0, roundTripMs);
    }
  }
}
