import type { RtpPackets } from '../../../stream/rtp-packets.ts';

/** A still may be as old as this and is shown all the same with the time of now. */
const MAX_STILL_AGE_MS = 60_000;
/** A picture that goes out so soon after it has come in keeps its own time exactly. */
const LIVE_MS = 1;
/** No camera is slower than this, unless it has stopped. */
const MAX_STEP_MS = 1_000;

/**
 * The RTP time of what is sent now. A picture that is sent late, because it is replayed or had to wait, gets the time that a
 * live one would have at that moment: to the viewer it comes as regularly as everything else, so that its jitter buffer sees
 * no delay to make up for, and shows the live edge as soon as it has decoded what came.
 */
export class LiveEdge {
  readonly #ticksPerMs: number;
  /** RTP time of the newest picture, 32 bits, and when it came in (monotonic); -1: there was none. */
  #edge = -1;
  #edgeMs = 0;
  /** The next picture is due after this many ticks: no further is time carried on. */
  #stepTicks = 0;
  #last = 0;
  #hasLast = false;

  constructor(clockRateHz: number) {
    this.#ticksPerMs = clockRateHz / 1000;
  }

  /** Where the stream is when a viewer comes. `wallMs` is the same moment as `nowMs`. */
  begin(packets: RtpPackets, track: number, nowMs: number, wallMs: number): void {
    if (packets.groupStart < 0 && packets.lastWall[track] === 0) {
      return;
    }
    const sinceMs = wallMs - (packets.lastWall[track] as number);
    const maxStepMs = packets.groupStart < 0 ? MAX_STILL_AGE_MS : MAX_STEP_MS;
    const stepTicks = packets.groupStart < 0 ? Number.POSITIVE_INFINITY : (packets.lastStep[track] as number);
    this.#edge = (packets.lastPts[track] as number) % 2 ** 32;
    this.#stepTicks = Math.min(Math.max(0, stepTicks), maxStepMs * this.#ticksPerMs);
    this.#edgeMs = nowMs - Math.min(Math.max(0, sinceMs), this.#stepTicks / this.#ticksPerMs);
  }

  /** A picture of this RTP time has come in, or more of it. */
  onPicture(timestamp: number, nowMs: number): void {
    const step = (timestamp - this.#edge) | 0;
    if (step !== 0) {
      this.#stepTicks = Math.min(Math.max(0, step), MAX_STEP_MS * this.#ticksPerMs);
      this.#edge = timestamp;
      this.#edgeMs = nowMs;
    }
  }

  /** The RTP time of a moment, however late the next picture is: an integer, not wrapped. */
  timeAt(nowMs: number): number {
    return this.#edge + Math.floor((nowMs - this.#edgeMs) * this.#ticksPerMs);
  }

  /** The RTP time for a picture of the time `timestamp` whose sending begins now: 32 bits, always later than the one before. */
  stamp(timestamp: number, nowMs: number): number {
    const sinceMs = nowMs - this.#edgeMs;
    let stamp = timestamp;
    if (timestamp !== this.#edge || sinceMs > LIVE_MS) {
      stamp = (this.#edge + Math.min(Math.floor(sinceMs * this.#ticksPerMs), this.#stepTicks)) >>> 0;
    }
    const ahead = (stamp - this.#last) | 0;
    // More than a second back: the stream itself has begun anew.
    if (this.#hasLast && ahead <= 0 && ahead > -1000 * this.#ticksPerMs) {
      stamp = (this.#last + 1) >>> 0;
    }
    this.#last = stamp;
    this.#hasLast = true;
    return stamp;
  }
}
