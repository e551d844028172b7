import type { OutboundTrack } from '../srtp/srtp.ts';

/** With fewer packets a share of them says nothing. */
const MIN_PACKETS = 100;
/** Retransmission does not make up for so much of a burst: the picture is lost. */
const HEAVY_LOSS = 0.2;
/** What came within this time tells what the way takes; over a longer one, pauses between bursts count as well. */
const SPAN_MS = 500;
/** From the beginning of a burst on. Later on, each second's losses are judged by their trend. */
const WATCH_MS = 5_000;
/** Reports that come together are no measure of time. */
const MIN_SPAN_MS = 20;

/**
 * Whether a burst of pictures (the first group, one that is sent again, or a larger stream that is tried) is more than its way
 * takes, from the first report on that shows it.
 */
export class BurstLoss {
  /** Times that it was too much, since the beginning of the burst. */
  count = 0;
  /** What may have come through at the latest of them: nothing does while the first packet and its report are on their way. */
  mostBitsPerSecond = 0;
  readonly #track: OutboundTrack;
  #untilMs = Number.NEGATIVE_INFINITY;
  /** Where the losses are counted from: a packet's number, what had been lost until then, and when it was sent or known of. */
  #sequence = 0;
  #lost = 0;
  #atMs = 0;
  #packets = 0;
  #octets = 0;
  /** That time is a report's, not that of its sending. */
  #isReported = false;
  /** What was lost before that packet is not known until a report speaks of it. */
  #isPast = false;

  /** @param track on which the pictures are sent */
  constructor(track: OutboundTrack) {
    this.#track = track;
  }

  /** What is sent from now on is a burst. @param lost by the latest report */
  begin(lost: number, nowMs: number): void {
    this.count = 0;
    this.#untilMs = nowMs + WATCH_MS;
    this.#isPast = false;
    this.#mark(this.#track.packetIndex - 1, lost, nowMs);
  }

  /** What was lost is sent once more. */
  repeat(nowMs: number): void {
    if (nowMs > this.#untilMs) {
      this.count = 0;
      this.#skipToNow(nowMs);
    }
    this.#untilMs = nowMs + WATCH_MS;
  }

  /**
   * @param lost and `highest` as in `RtcpSink.onReport`
   * @param roundTripMs what the way there and back takes of the time since the beginning; 0: not known
   * @returns bits a second that have come through at a time of heavy loss; undefined: there was none
   */
  onReport(lost: number, highest: number, nowMs: number, roundTripMs: number): number | undefined {
    const packets = ((highest - this.#sequence) << 16) >> 16;
    const sent = ((this.#track.packetIndex - 1 - this.#sequence) << 16) >> 16;
    if (nowMs > this.#untilMs || packets < 0 || packets > sent) {
      return undefined;
    }
    if (this.#isPast) {
      this.#isPast = false;
      this.#mark(highest, lost, nowMs);
      this.#isReported = true;
      return undefined;
    }
    const spanMs = nowMs - this.#atMs;
    const come = packets - Math.max(0, lost - this.#lost);
    if (come < 0) {
      // It reports more than there was.
      return undefined;
    }
    if (packets >= MIN_PACKETS && spanMs >= MIN_SPAN_MS && come < (1 - HEAVY_LOSS) * packets) {
      const meanBytes = (this.#track.octets - this.#octets) / Math.max(1, this.#track.packets - this.#packets);
      this.count += 1;
      const awayMs = this.#isReported ? 0 : roundTripMs;
      this.mostBitsPerSecond = (8_000 * come * meanBytes) / Math.max(MIN_SPAN_MS, spanMs - awayMs);
      this.#skipToNow(nowMs);
      return (8_000 * come * meanBytes) / spanMs;
    }
    if (spanMs >= SPAN_MS) {
      this.#mark(highest, lost, nowMs);
      this.#isReported = true;
    }
    return undefined;
  }

  /** What is on its way was sent too fast as well. */
  #skipToNow(nowMs: number): void {
    this.#mark(this.#track.packetIndex - 1, 0, nowMs);
    this.#isPast = true;
  }

  #mark(sequence: number, lost: number, nowMs: number): void {
    this.#sequence = sequence & 0xffff;
    this.#lost = lost;
    this.#isReported = false;
    this.#atMs = nowMs;
    this.#packets = this.#track.packets;
    this.#octets = this.#track.octets;
  }
}
