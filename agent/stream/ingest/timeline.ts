import type { Clock } from '../../base/clock.ts';
import { TrackTimeline } from './track-timeline.ts';

/** Reordered pictures (B-frames) step back by at most this; a larger step is a jump. */
const REORDER_MS = 1_000;
/** With `useAbsoluteTimestamp`, the camera's clock is trusted up to this distance from ours. */
const MAX_CLOCK_OFFSET_MS = 10_000;
/** Hysteresis: each change of the clock costs recordings a new file. */
const TRUSTED_AGAIN_MS = 9_000;
/** Sender reports are wrong if the offset of two tracks by them differs from that by arrival by more than this. */
const MAX_REPORT_SKEW_MS = 5_000;

/**
 * Time of one connection's tracks: from the RTP ticks of each to pts and dts that share one origin,
 * and to wall time. The tracks' offsets to each other come from their sender reports where these are plausible
 * before the stream opens, else from arrival. Afterwards only a start burst, a drift or a jump of the camera's own timestamps changes them.
 */
export class Timeline {
  readonly #clock: Clock;
  readonly #usesSenderClock: boolean;
  readonly tracks: TrackTimeline[] = [];
  #wallOffsetMs = Number.NaN;
  /** The sender's clock was close enough at the last check. Common to all tracks, which have one clock. */
  #isTrusted = true;
  /** Tracks whose offsets to each other are not final: a burst may change them. */
  #settling: readonly TrackTimeline[] = [];
  /** Whether the clock rate of each track is measured by arrival. */
  readonly #checksRates: boolean;

  /**
   * @param usesSenderClock wall time comes from the sender's clock, by its reports, while that is within 10 s of ours
   * @param checksRates the sender sends in real time, so that arrival shows how fast its clock runs
   */
  constructor(clock: Clock, usesSenderClock = false, checksRates = false) {
    this.#clock = clock;
    this.#checksRates = checksRates;
    this.#usesSenderClock = usesSenderClock;
  }

  /**
   * @param rtpClockRate ticks per second of the RTP timestamps
   * @param hasReordering the codec may send pictures out of their order
   * @param former the track that this one replaces
   */
  addTrack(rtpClockRate: number, hasReordering: boolean, former?: TrackTimeline): TrackTimeline {
    const track = new TrackTimeline(rtpClockRate, hasReordering ? REORDER_MS : 0, this.#checksRates);
    const at = former ? this.tracks.indexOf(former) : -1;
    this.tracks[at < 0 ? this.tracks.length : at] = track;
    return track;
  }

  /** Sets the tracks' offsets to each other: their `captureMs` are comparable afterwards. Called before `open`. */
  align(): void {
    const arrived = this.#arrived;
    const known = arrived.filter((track) => !Number.isNaN(track.reportOffsetMs));
    const reference = known[0];
    let isByReports = known.length === arrived.length;
    for (const track of known) {
      if (reference && track !== reference) {
        const byReportMs = track.reportOffsetMs - reference.reportOffsetMs;
        const skewMs = byReportMs - (track.arrivalOffsetMs - reference.arrivalOffsetMs);
        const isBelieved = Math.abs(skewMs) <= MAX_REPORT_SKEW_MS;
        track.biasMs = isBelieved ? skewMs : 0;
        isByReports &&= isBelieved;
      }
    }
    this.#settling = this.#checksRates && !isByReports ? arrived : [];
  }

  /** @param originMs capture time (monotonic) that becomes pts 0 on every track */
  open(originMs: number): void {
    for (const track of this.tracks) {
      track.open(originMs);
    }
  }

  /** Whether a track is still in its start burst, before whose end its offset to the other tracks is unknown. */
  get isInBurst(): boolean {
    const arrived = this.#arrived;
    return this.#checksRates && arrived.length > 1 && arrived.some(({ burst }) => burst.isRunning);
  }

  /**
   * Called for each unit after `open`. A track with a start burst is older than estimated at `open`: the other tracks are
   * delayed by the same time.
   */
  follow(track: TrackTimeline): void {
    track.followLead();
    if (this.#settling.length === 0) {
      return;
    }
    let [olderMs, isOver] = [0, true];
    for (const { burst } of this.#settling) {
      if (burst.isFast) {
        return;
      }
      olderMs = Math.max(olderMs, burst.olderMs);
      isOver &&= burst.isOver;
    }
    track.delay(olderMs - track.burst.olderMs);
    if (isOver) {
      this.#settling = [];
    }
  }

  get #arrived(): TrackTimeline[] {
    return this.tracks.filter((track) => track.hasArrived);
  }

  /** Capture time in Unix milliseconds. */
  wallMs(track: TrackTimeline, ticks: number): number {
    const oursMs = track.captureMs(ticks) + this.#wallOffset();
    const theirsMs = this.#usesSenderClock ? track.senderMs(ticks) : Number.NaN;
    if (Number.isNaN(theirsMs)) {
      return oursMs;
    }
    this.#isTrusted = Math.abs(theirsMs - oursMs) <= (this.#isTrusted ? MAX_CLOCK_OFFSET_MS : TRUSTED_AGAIN_MS);
    return this.#isTrusted ? theirsMs : oursMs;
  }

  /** The sender's clock minus ours, in milliseconds, the network's delay included; undefined before the first report. */
  get clockOffsetMs(): number | undefined {
    const track = this.tracks.find((one) => one.hasArrived && !Number.isNaN(one.reportOffsetMs));
    return track && track.senderMs(0) - track.captureMs(0) - this.#wallOffset();
  }

  /** Offset from monotonic to Unix milliseconds. Follows steps of the wall clock at once, but not rounding errors. */
  #wallOffset(): number {
    const offsetMs = this.#clock.wallMs() - this.#clock.monoMs();
    if (!(Math.abs(offsetMs - this.#wallOffsetMs) < 5)) {
      this.#wallOffsetMs = offsetMs;
    }
    return this.#wallOffsetMs;
  }
}
