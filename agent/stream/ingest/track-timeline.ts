import { TickUnwrapper } from '../../media/rtp/sequence.ts';
import { ArrivalFilter } from './arrival-filter.ts';
import { ArrivalTimes } from './arrival-times.ts';
import { MIN_PAUSE_MS, PacketPauses, ScaledClock } from './scaled-clock.ts';

/** A burst of media from before PLAY arrives within this time. Later, a step that is too fast is a jump of the camera's clock. */
const MAX_BEGINNING_MS = 3_000;
/** A burst ends after this time without a fast packet: the network or this box may pause within it. */
const CALM_MS = 100;

/** Detects a burst at the start of a track: cached media, sent faster than it was captured. */
class StartBurst {
  /** How much older the track is than estimated at `open`, in milliseconds. */
  olderMs = 0;
  /** Samples arrive faster than they were captured. */
  isFast = false;
  isOver = false;
  #surplusMs = 0;
  #firstAtMs = Number.NaN;
  #firstMediaMs = 0;
  #atMs = 0;
  #mediaMs = 0;
  #fastAtMs = Number.NEGATIVE_INFINITY;

  /** A large burst that has not ended. */
  get isRunning(): boolean {
    // Less than this is jitter.
    return this.isFast && this.#surplusMs >= 300;
  }

  /**
   * Called for each timestamp later than all before.
   * @param olderMs how much earlier all previous samples were captured than assumed until now
   */
  push(mediaMs: number, atMs: number, olderMs: number): void {
    if (Number.isNaN(this.#firstAtMs)) {
      this.#firstAtMs = atMs;
      this.#firstMediaMs = mediaMs;
    } else {
      this.isOver ||= atMs - this.#firstAtMs >= MAX_BEGINNING_MS;
      const isFast = !this.isOver && atMs - this.#atMs < (mediaMs - this.#mediaMs) / 2;
      this.#fastAtMs = isFast ? atMs : this.#fastAtMs;
      this.isFast = atMs - this.#fastAtMs < CALM_MS;
      this.olderMs += isFast ? olderMs : 0;
    }
    this.#surplusMs = mediaMs - this.#firstMediaMs - (atMs - this.#firstAtMs);
    this.#atMs = atMs;
    this.#mediaMs = mediaMs;
  }
}

/** Arrival alone shows a drift from here on: cameras may delay pictures by less, at night for example. Sender reports so far off are wrong. */
const CERTAIN_MS = 300;
/** A drift, and steady arrival before the first one, last this long. */
const PERSISTENT_MS = 60_000;
/** Shows also while arrival is not steady, because the filter does not follow a clock more than 500 ppm off. */
const FAST_DRIFT_MS = 2_000;

/** Without pictures for longer, nothing is compared. */
const STILL_MS = 20_000;

/** What the clock of sound drifts from that of the picture. */
class Drift {
  /** Timeline of the picture; undefined: nothing is compared. */
  lead: TrackTimeline | undefined;
  #steadyMs = 0;
  #arrivalBaseMs = 0;
  #reportBaseMs = Number.NaN;
  /** For how long there has been a drift. */
  #lastedMs = 0;
  #atMs = 0;

  /** Called each time the stream opens: the track has a new origin then. */
  begin(lead: TrackTimeline | undefined): void {
    this.lead = lead;
    this.#steadyMs = 0;
    this.#lastedMs = 0;
  }

  /**
   * @param arrivalMs how much later than the picture's the sound's pts 0 was captured, by arrival; `reportMs`: by sender reports, or NaN
   * @returns milliseconds by which to set the sound later
   */
  push(arrivalMs: number, reportMs: number, isSteady: boolean, atMs: number): number {
    const elapsedMs = Math.min(atMs - this.#atMs, 1_000);
    this.#atMs = atMs;
    if (this.#steadyMs < PERSISTENT_MS && Math.abs(arrivalMs) < FAST_DRIFT_MS) {
      this.#steadyMs += isSteady ? elapsedMs : 0;
      this.#arrivalBaseMs = arrivalMs;
      this.#reportBaseMs = reportMs;
      return 0;
    }
    const arrivedMs = arrivalMs - this.#arrivalBaseMs;
    const isReported = !Number.isNaN(reportMs);
    if (isSteady && isReported && !(Math.abs(reportMs - this.#reportBaseMs - arrivedMs) <= CERTAIN_MS)) {
      // Reports that are wrong confirm only what is certain by arrival alone.
      const doubtMs = Math.max(-CERTAIN_MS, Math.min(CERTAIN_MS, arrivedMs));
      this.#reportBaseMs = reportMs - (arrivedMs - doubtMs);
    }
    const reportedMs = reportMs - this.#reportBaseMs;
    const agreedMs = Math.abs(reportedMs) < Math.abs(arrivedMs) ? reportedMs : arrivedMs;
    const driftMs = arrivedMs * reportedMs < 0 ? 0 : agreedMs;
    // Less than 40 ms is jitter of the reports.
    const beginMs = Number.isNaN(reportedMs) ? CERTAIN_MS : 40;
    const leastMs = this.#lastedMs < PERSISTENT_MS ? beginMs : 10;
    const isDrift = (isSteady || Math.abs(arrivedMs) > FAST_DRIFT_MS) && Math.abs(driftMs) >= leastMs;
    this.#lastedMs = isDrift ? this.#lastedMs + elapsedMs : 0;
    // 500 ppm, of more than 0.2 s more: a hundredth of 4 s.
    const reachMs = elapsedMs * Math.max(500e-6, Math.abs(driftMs) * 2.5e-6);
    return this.#lastedMs < PERSISTENT_MS ? 0 : Math.max(-reachMs, Math.min(reachMs, driftMs));
  }
}

/** Timestamps that are ahead of their packets' arrival by more than this, or permanently behind it, have jumped. */
const JUMP_MS = 5_000;
/** A sender that restarts within this distance of the time of arrival has kept its clock. */
const SAME_CLOCK_MS = 500;

/** One track's time. All ticks are results of `arrive`: unwrapped, and continuous across jumps of the camera's clock. */
export class TrackTimeline {
  /** Number of jumps of the camera's timestamps. */
  jumps = 0;
  /** The sender reports' clock at ticks 0; NaN before the first. Only comparable with other tracks of the same camera. */
  reportOffsetMs = Number.NaN;
  /** A report from before the first packet. */
  #earlyReport: { readonly unixMs: number; readonly timestamp: number } | undefined;
  readonly #rtpClockRate: number;
  readonly #backTicks: number;
  readonly #jumpTicks: number;
  readonly #unwrapper = new TickUnwrapper();
  readonly #filter = new ArrivalFilter();
  readonly burst = new StartBurst();
  readonly drift = new Drift();
  /** Undefined: the camera's clock is not checked. */
  readonly #scale: ScaledClock | undefined;
  readonly #pauses = new PacketPauses();
  readonly #spread: ArrivalTimes;
  /** Added to unwrapped timestamps so that they continue after a jump. */
  #shiftTicks = 0;
  #lastTimestamp = -1;
  #lastTicks = 0;
  /** Tracks of the same clock: their timestamps jump with these. */
  peers: readonly TrackTimeline[] = [];
  readonly #jump = { atMs: Number.NEGATIVE_INFINITY, ms: 0 };
  /** Highest ticks that have arrived. */
  newestTicks = 0;
  #newestAtMs = 0;
  #mustReanchor = false;
  /** Added to capture times by `Timeline.align`. */
  biasMs = 0;
  /** Clock rate of the track in Hz; may differ from the RTP clock's (AAC at 44,100 Hz with RTP at 90,000). */
  clockRate: number;
  /**
   * `ticks` became pts 0, a fraction included. `ms`: monotonic capture time of the stream's pts 0, for a track that begins after the
   * stream; NaN: not open.
   */
  readonly #origin = { ticks: 0, ms: Number.NaN, delayMs: 0 };

  constructor(rtpClockRate: number, reorderMs: number, checksRate: boolean) {
    this.#scale = checksRate ? new ScaledClock(rtpClockRate) : undefined;
    this.#rtpClockRate = rtpClockRate;
    this.clockRate = rtpClockRate;
    this.#backTicks = (reorderMs * rtpClockRate) / 1000;
    this.#spread = new ArrivalTimes(rtpClockRate, reorderMs > 0, checksRate);
    this.#jumpTicks = (JUMP_MS * rtpClockRate) / 1000;
  }

  /** What is wrong with the camera's clock, if anything. */
  get fault(): string | undefined {
    return this.#spread.isStuck ? 'timestamps do not change' : this.#scale?.fault;
  }

  /** Whether times come from the arrival of packets, as the camera's own are wrong, or were repeated lately. */
  get followsArrival(): boolean {
    return this.fault !== undefined || this.#spread.hasRepeated;
  }

  get hasArrived(): boolean {
    return this.#lastTimestamp >= 0;
  }

  /** Monotonic capture time of ticks 0, by arrival alone. */
  get arrivalOffsetMs(): number {
    return this.#filter.offsetMs;
  }

  /** The sender has restarted: its next timestamp is unrelated to the ones before. */
  restart(): void {
    this.#mustReanchor = this.hasArrived;
  }

  /**
   * The ticks of a packet. Called for every packet in the order of arrival.
   * @param atMs monotonic time of arrival
   * @param mayBegin it may be the first of a sample
   */
  arrive(timestamp: number, atMs: number, mayBegin = true): number {
    this.#pauses.push(atMs);
    const isRepeated = timestamp === this.#lastTimestamp;
    const stuckMs = atMs - this.#newestAtMs;
    // All packets of a picture keep one time, also when the clock is found to be stuck.
    const isOfOne = (!mayBegin || this.#pauses.idleMs < MIN_PAUSE_MS) && stuckMs < 2 * JUMP_MS;
    if (isRepeated && !this.#mustReanchor && (stuckMs < JUMP_MS || isOfOne)) {
      return this.#lastTicks;
    }
    const isFirst = this.#lastTimestamp < 0;
    const raw = this.#unwrapper.unwrap(timestamp);
    let ticks = (this.#scale ? this.#scaled(this.#scale, raw, atMs, isFirst) : raw) + this.#shiftTicks;
    if (!isFirst) {
      const arrivedTicks = ((atMs - this.#newestAtMs) * this.#rtpClockRate) / 1000;
      const aheadTicks = ticks - this.newestTicks;
      const isOther = this.#mustReanchor && Math.abs(this.#msOf(aheadTicks - arrivedTicks)) > SAME_CLOCK_MS;
      this.#mustReanchor = false;
      if (isOther || isRepeated || aheadTicks - arrivedTicks > this.#jumpTicks || -aheadTicks > this.#backTicks) {
        const nextTicks = this.newestTicks + Math.max(1, Math.round(arrivedTicks));
        const anchorTicks = isRepeated ? nextTicks : this.#anchor(ticks, nextTicks, atMs);
        this.#shift(anchorTicks - ticks, !isRepeated || this.#scale === undefined);
        ticks = anchorTicks;
      }
    }
    if (isFirst || ticks > this.newestTicks) {
      ticks += this.#catchUp(atMs, ticks);
      this.newestTicks = ticks;
      this.#newestAtMs = atMs;
    }
    if (isFirst && !Number.isNaN(this.#origin.ms)) {
      this.#setOrigin();
    }
    this.#lastTimestamp = timestamp;
    this.#lastTicks = ticks;
    if (this.#earlyReport) {
      this.report(this.#earlyReport.unixMs, this.#earlyReport.timestamp);
      this.#earlyReport = undefined;
    }
    return ticks;
  }

  /** A sender report: the camera's clock `unixMs` and its RTP timestamp are the same moment. */
  report(unixMs: number, timestamp: number): void {
    // NTP time 0: the sender has no clock (RFC 3550 §6.4.1).
    if (!(unixMs >= 0)) {
      return;
    }
    if (!this.hasArrived) {
      this.#earlyReport = { unixMs, timestamp };
    } else {
      const raw = this.#unwrapper.near(timestamp);
      this.reportOffsetMs = unixMs - this.#msOf((this.#scale?.ticksOf(raw) ?? raw) + this.#shiftTicks);
    }
  }

  /**
   * Ticks to add to a unit's times, so that they follow arrival if the camera repeats its timestamps.
   * Called for each unit in decoding order. @param atMs monotonic time of arrival
   */
  spread(ptsTicks: number, dtsTicks: number, atMs: number): number {
    return this.#spread.push(ptsTicks, dtsTicks, atMs, this.#filter.offsetMs);
  }

  /** Monotonic time at which the sample was captured, estimated from arrival. */
  captureMs(ticks: number): number {
    return this.#filter.offsetMs + this.biasMs + this.#msOf(ticks);
  }

  /** The sender's own clock at `ticks`, Unix milliseconds; NaN before the first report. */
  senderMs(ticks: number): number {
    return this.reportOffsetMs + this.#msOf(ticks);
  }

  open(originMs: number): void {
    Object.assign(this.#origin, { ms: originMs, delayMs: 0 });
    this.#setOrigin();
    this.burst.olderMs = 0;
  }

  /** Delays media times from now on. The delay never decreases. */
  delay(ms: number): void {
    const moreMs = ms - this.#origin.delayMs;
    // Smaller differences between tracks stay, because a step is audible.
    if (moreMs >= 100) {
      this.#origin.delayMs = ms;
      this.#origin.ticks -= (moreMs * this.#rtpClockRate) / 1000;
    }
  }

  /** Called for each unit. Moves the origin towards the picture's clock, inaudibly slowly. */
  followLead(): void {
    const { lead } = this.drift;
    if (lead && this.#newestAtMs - lead.#newestAtMs < STILL_MS) {
      const isSteady = Math.max(Math.abs(this.#filter.awayMs), Math.abs(lead.#filter.awayMs)) < 40;
      const arrivalMs = this.captureMs(this.#origin.ticks) - lead.captureMs(lead.#origin.ticks);
      const reportMs = this.senderMs(this.#origin.ticks) - lead.senderMs(lead.#origin.ticks);
      const laterMs = this.drift.push(arrivalMs, reportMs, isSteady, this.#newestAtMs);
      this.#origin.ticks -= (laterMs * this.#rtpClockRate) / 1000;
    }
  }

  /** pts or dts in ticks of the track's clock rate; negative for what is older than the stream's origin. */
  timeOf(ticks: number): number {
    // `+ 0` makes a rounded -0 a plain zero.
    return Math.round(((ticks - this.#origin.ticks) * this.clockRate) / this.#rtpClockRate) + 0;
  }

  #setOrigin(): void {
    this.#origin.ticks = ((this.#origin.ms - this.#filter.offsetMs - this.biasMs) * this.#rtpClockRate) / 1000;
  }

  /** Ticks to add for a clock that has stopped or runs far too slowly. Network delays are never this long. */
  #catchUp(atMs: number, ticks: number): number {
    const beforeMs = this.#filter.offsetMs;
    this.#filter.push(atMs, this.#msOf(ticks));
    this.burst.push(this.#msOf(ticks), atMs, beforeMs - this.#filter.offsetMs);
    const lateMs = this.#filter.offsetMs - beforeMs;
    if (!(lateMs > JUMP_MS)) {
      return 0;
    }
    const lateTicks = Math.round((lateMs * this.#rtpClockRate) / 1000);
    this.#filter.advance(this.#msOf(lateTicks));
    this.#shift(lateTicks, true);
    return lateTicks;
  }

  /** Where a jump leads: as far as a peer has jumped since this track's last packet, else where arrival says. */
  #anchor(ticks: number, arrivedTicks: number, atMs: number): number {
    const asPeer = this.peers
      .filter((peer) => peer !== this && peer.#jump.atMs >= this.#newestAtMs)
      .map((peer) => ticks + Math.round((peer.#jump.ms * this.#rtpClockRate) / 1000))
      .find((at) => at > this.newestTicks && Math.abs(at - arrivedTicks) <= this.#jumpTicks);
    const anchorTicks = asPeer ?? arrivedTicks;
    Object.assign(this.#jump, { atMs, ms: this.#msOf(anchorTicks - ticks) });
    return anchorTicks;
  }

  #shift(byTicks: number, isJump: boolean): void {
    this.#shiftTicks += byTicks;
    this.reportOffsetMs = Number.NaN;
    this.jumps += isJump ? 1 : 0;
  }

  /** Ticks of the announced rate; those of a wrong clock are not far ahead of arrival. */
  #scaled(scale: ScaledClock, raw: number, atMs: number, isFirst: boolean): number {
    if (scale.isNewest(raw) && scale.push(raw, atMs, isFirst ? 0 : this.#pauses.take())) {
      const arrived = Math.round(((atMs - this.#filter.offsetMs) * this.#rtpClockRate) / 1000);
      scale.rescale(raw, atMs, arrived, this.newestTicks, this.#shiftTicks);
      this.reportOffsetMs = Number.NaN;
    }
    const ticks = scale.ticksOf(raw);
    const shifted = ticks + this.#shiftTicks;
    const aheadOfArrival = shifted - scale.farthestTicks(atMs);
    if (aheadOfArrival <= 0 || shifted <= this.newestTicks) {
      return ticks;
    }
    const back = Math.min(aheadOfArrival, shifted - this.newestTicks - 1);
    scale.setBack(back);
    return ticks - back;
  }

  #msOf(ticks: number): number {
    return (ticks * 1000) / this.#rtpClockRate;
  }
}
