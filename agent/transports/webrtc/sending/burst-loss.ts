import type { OutboundTrack } from '../srtp/srtp.ts';

/** Share of a burst that retransmission cannot repair. */
const HEAVY_LOSS = 0.2;
/** The longest span of a sample: over a longer one, pauses between bursts would lower the measured throughput. */
const SPAN_MS = 500;
/** Time since the start of a burst in which losses are detected. Later losses are judged by their trend. */
const WATCH_MS = 5_000;
/** Reports closer together cannot measure throughput. */
const MIN_SPAN_MS = 20;

/**
 * Detects from the first receiver report on that a burst of video (the first GOP, a replay or a step up) exceeds the
 * network's capacity.
 */
export class BurstLoss {
  /** Detections since the start of the burst. */
  count = 0;
  /**
   * Upper bound of the throughput at the latest detection: excludes the round trip of the first packet and its report.
   */
  maxBitsPerSecond = 0;
  readonly #track: OutboundTrack;
  #untilMs = Number.NEGATIVE_INFINITY;
  /** Where counting starts: a sequence number, the losses until then, and when it was sent or reported. */
  #sequence = 0;
  #lost = 0;
  #atMs = 0;
  #packets = 0;
  #octets = 0;
  /** Whether `#atMs` is the time of a report, not of sending. */
  #isReported = false;
  /** Whether the losses before `#sequence` are unknown until the next report. */
  #isPast = false;

  /** @param track the video track */
  constructor(track: OutboundTrack) {
    this.#track = track;
  }

  /** Starts watching a burst. @param lost lost packets as of the latest report */
  begin(lost: number, nowMs: number): void {
    this.count = 0;
    this.#untilMs = nowMs + WATCH_MS;
    this.#isPast = false;
    this.#startFrom(this.#track.packetIndex - 1, lost, nowMs);
  }

  /** The burst is sent again. */
  restart(nowMs: number): void {
    if (nowMs > this.#untilMs) {
      this.count = 0;
      this.#skipToNow(nowMs);
    }
    this.#untilMs = nowMs + WATCH_MS;
  }

  /**
   * @param lost and `highest` as in `RtcpSink.onReport`
   * @param roundTripMs part of the time since the start; 0: not known
   * @returns throughput in bit/s if the loss was heavy, else undefined
   */
  onReport(lost: number, highest: number, nowMs: number, roundTripMs: number): number | undefined {
    const packets = ((highest - this.#sequence) << 16) >> 16;
    const sent = ((this.#track.packetIndex - 1 - this.#sequence) << 16) >> 16;
    if (nowMs > this.#untilMs || packets < 0 || packets > sent) {
      return undefined;
    }
    if (this.#isPast) {
      this.#isPast = false;
      this.#startFrom(highest, lost, nowMs);
      this.#isReported = true;
      return undefined;
    }
    const spanMs = nowMs - this.#atMs;
    const received = packets - Math.max(0, lost - this.#lost);
    if (received < 0) {
      // The report claims more losses than packets.
      return undefined;
    }
    // The least packets of a sample: a smaller one says nothing.
    if (packets >= 100 && spanMs >= MIN_SPAN_MS && received < (1 - HEAVY_LOSS) * packets) {
      const meanBytes = (this.#track.octets - this.#octets) / Math.max(1, this.#track.packets - this.#packets);
      this.count += 1;
      const awayMs = this.#isReported ? 0 : roundTripMs;
      this.maxBitsPerSecond = (8_000 * received * meanBytes) / Math.max(MIN_SPAN_MS, spanMs - awayMs);
      this.#skipToNow(nowMs);
      return (8_000 * received * meanBytes) / spanMs;
    }
    if (spanMs >= SPAN_MS) {
      this.#startFrom(highest, lost, nowMs);
      this.#isReported = true;
    }
    return undefined;
  }

  /** Packets in flight were sent too fast as well. */
  #skipToNow(nowMs: number): void {
    this.#startFrom(this.#track.packetIndex - 1, 0, nowMs);
    this.#isPast = true;
  }

  #startFrom(sequence: number, lost: number, nowMs: number): void {
    this.#sequence = sequence & 0xffff;
    this.#lost = lost;
    this.#isReported = false;
    this.#atMs = nowMs;
    this.#packets = this.#track.packets;
    this.#octets = this.#track.octets;
  }
}
