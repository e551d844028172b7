import type { RtpPackets } from '../../../stream/rtp-packets.ts';

/** A frame sent this soon after arrival keeps its own timestamp. */
const LIVE_MS = 1;
/** A source with longer frame intervals has stopped. */
const MAX_STEP_MS = 1_000;

/**
 * Maps stream time to the RTP time of sending. A frame that is sent late (replayed or queued) gets the time of a live
 * frame at that moment. The viewer sees regular arrivals, so its jitter buffer adds no delay, and it shows the live
 * edge once it has decoded the rest.
 */
export class TimestampMapper {
  readonly #ticksPerMs: number;
  /** RTP time of the newest frame, 32 bits, and its monotonic arrival; -1: none. */
  #latest = -1;
  #latestMs = 0;
  /** Interval to the next frame; time is not extrapolated beyond it. */
  #stepTicks = 0;
  #last = 0;
  #hasLast = false;

  constructor(clockRateHz: number) {
    this.#ticksPerMs = clockRateHz / 1000;
  }

  /** Takes over the stream's position. `wallMs` is the same moment as `nowMs`. */
  begin(packets: RtpPackets, track: number, nowMs: number, wallMs: number): void {
    if (packets.groupStart < 0 && packets.lastWall[track] === 0) {
      return;
    }
    const sinceMs = wallMs - (packets.lastWall[track] as number);
    // A still up to this age is shown with the current time.
    const maxStepMs = packets.groupStart < 0 ? 60_000 : MAX_STEP_MS;
    const stepTicks = packets.groupStart < 0 ? Number.POSITIVE_INFINITY : (packets.lastStep[track] as number);
    this.#latest = (packets.lastPts[track] as number) % 2 ** 32;
    this.#stepTicks = Math.min(Math.max(0, stepTicks), maxStepMs * this.#ticksPerMs);
    this.#latestMs = nowMs - Math.min(Math.max(0, sinceMs), this.#stepTicks / this.#ticksPerMs);
  }

  onVideo(timestamp: number, nowMs: number): void {
    const step = (timestamp - this.#latest) | 0;
    if (step !== 0) {
      this.#stepTicks = Math.min(Math.max(0, step), MAX_STEP_MS * this.#ticksPerMs);
      this.#latest = timestamp;
      this.#latestMs = nowMs;
    }
  }

  /** RTP time that is not limited by the next frame: an integer, not wrapped. */
  timeAt(nowMs: number): number {
    return this.#latest + Math.floor((nowMs - this.#latestMs) * this.#ticksPerMs);
  }

  /** The RTP time for a frame sent now: 32 bits, always later than the previous one. */
  stamp(timestamp: number, nowMs: number): number {
    const sinceMs = nowMs - this.#latestMs;
    let stamp = timestamp;
    if (timestamp !== this.#latest || sinceMs > LIVE_MS) {
      stamp = (this.#latest + Math.min(Math.floor(sinceMs * this.#ticksPerMs), this.#stepTicks)) >>> 0;
    }
    const ahead = (stamp - this.#last) | 0;
    // More than a second back: the stream has restarted.
    if (this.#hasLast && ahead <= 0 && ahead > -1000 * this.#ticksPerMs) {
      stamp = (this.#last + 1) >>> 0;
    }
    this.#last = stamp;
    this.#hasLast = true;
    return stamp;
  }
}
