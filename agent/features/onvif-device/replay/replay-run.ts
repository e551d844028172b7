import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { Track } from '../../../media/sample/track.ts';
import type { ReplayLink } from '../../../protocols/contract.ts';
import type { MarkedUnit } from './marked-units.ts';
import type { Frames } from './play-request.ts';
import type { ReplayPackets } from './replay-packets.ts';

/** Pause while the client does not read. */
const QUEUED_MS = 20;
/** A paced client that is further behind gets its recordings later, not faster. */
const MAX_LATE_MS = 2_000;

export interface RunSettings {
  readonly fromUs: number;
  readonly toUs: number;
  readonly isPaced: boolean;
  readonly scale: number;
  readonly frames: Frames;
}

interface RunDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: ReplayLink;
  readonly packets: ReplayPackets;
  readonly tracks: readonly Track[];
  /** Tracks that the client has set up. */
  readonly wanted: ReadonlySet<number>;
  readonly cseq: number;
  sent(bytes: number, rtpPackets: number, rtcpPackets: number): void;
}

/** What one PLAY sends, up to the end of its range, or until it is stopped. */
export class ReplayRun {
  readonly settings: RunSettings;
  readonly #deps: RunDeps;
  readonly #units: AsyncGenerator<MarkedUnit, void>;
  readonly #stop: AbortController;
  /** Playback time of the start, in microseconds (RFC 2326, appendix B). */
  readonly #baseUs: number;
  readonly #reported = new Set<number>();
  #first: MarkedUnit | undefined;
  /** Recorded time that is played at `#baseUs`; it moves over gaps. */
  #anchorUs = 0;
  /** Monotonic time of the start. */
  #startMs = 0;
  #lastUs = 0;
  #isRunning = false;

  /** @param stop aborts the reading of `units` */
  constructor(
    deps: RunDeps,
    settings: RunSettings,
    units: AsyncGenerator<MarkedUnit, void>,
    stop: AbortController,
    baseUs: number,
  ) {
    this.#deps = deps;
    this.settings = settings;
    this.#units = units;
    this.#stop = stop;
    this.#baseUs = baseUs;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Recorded time of the last unit that was sent, Unix microseconds. */
  get positionUs(): number {
    return this.#lastUs;
  }

  /** Playback time after what was sent. */
  get playedUs(): number {
    return this.#playbackUs(this.#lastUs);
  }

  /** Reads up to the first unit. @returns its decode time, Unix microseconds; undefined: there is none, or it was stopped */
  async prepare(): Promise<number | undefined> {
    try {
      const { value } = await this.#units.next();
      this.#first = value ?? undefined;
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        throw error;
      }
    }
    const firstUs = this.#first?.unit.dtsUs;
    this.#anchorUs = firstUs ?? 0;
    this.#lastUs = this.#anchorUs;
    return firstUs;
  }

  /** RTP time of the start. */
  rtpTimeOfStart(track: number): number {
    return this.#rtpTime(track, this.#anchorUs) % 2 ** 32;
  }

  begin(): void {
    if (!this.#first || this.#stop.signal.aborted || this.#isRunning) {
      return;
    }
    this.#isRunning = true;
    this.#startMs = this.#deps.clock.monoMs();
    void this.#send(this.#first).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) {
        this.#deps.log.warn({ reason: explain(error) }, 'a replay of recordings has ended early');
        this.#sayBye();
      }
    });
  }

  stop(): void {
    this.#isRunning = false;
    this.#stop.abort(new PerchError('unavailable', 'the replay was stopped'));
    // Closes the file also if nothing was sent.
    void this.#units.return().catch(() => {});
  }

  async #send(first: MarkedUnit): Promise<void> {
    await this.#sendOne(first);
    for await (const marked of this.#units) {
      await this.#sendOne(marked);
      if (this.#stop.signal.aborted) {
        return;
      }
    }
    this.#sayBye();
  }

  async #sendOne({ unit, track, flags, gapUs }: MarkedUnit): Promise<void> {
    const { link, packets, cseq } = this.#deps;
    this.#anchorUs += gapUs;
    await this.#turn(unit.dtsUs);
    if (this.#stop.signal.aborted) {
      return;
    }
    const rtpTime = this.#rtpTime(track, unit.ptsUs);
    if (!this.#reported.has(track)) {
      this.#reported.add(track);
      this.#control(packets.report(track, unit.ptsUs, rtpTime));
    }
    const frames = packets.write(track, unit.track, unit.data, { rtpTime, unixUs: unit.ptsUs, flags, cseq });
    if (frames.length > 0) {
      link.write(frames);
      this.#deps.sent(frames.length, packets.packets, 0);
    }
    this.#lastUs = Math.max(this.#lastUs, unit.dtsUs);
  }

  /** Waits until the unit's time has come, and the client has read what was sent before. */
  async #turn(dtsUs: number): Promise<void> {
    const { clock, link } = this.#deps;
    const { signal } = this.#stop;
    if (this.settings.isPaced) {
      const dueMs = this.#startMs + (dtsUs - this.#anchorUs) / 1000 / this.settings.scale;
      const waitMs = dueMs - clock.monoMs();
      if (waitMs > 1) {
        await clock.sleep(waitMs, signal);
      } else if (waitMs < -MAX_LATE_MS) {
        this.#startMs -= waitMs;
      }
    }
    while (link.queuedBytes > 512 << 10 && !signal.aborted) {
      await clock.sleep(QUEUED_MS, signal);
    }
  }

  /** Paced: the time of playback; else that of the recording. */
  #rtpTime(track: number, us: number): number {
    const ofClock = this.settings.isPaced ? this.#playbackUs(us) : us;
    return Math.round((ofClock / 1e6) * (this.#deps.tracks[track]?.clockRate ?? 0));
  }

  #playbackUs(us: number): number {
    return this.#baseUs + (us - this.#anchorUs) / this.settings.scale;
  }

  #control(frame: Uint8Array): void {
    this.#deps.link.write(frame);
    this.#deps.sent(frame.length, 0, 1);
  }

  #sayBye(): void {
    this.#isRunning = false;
    for (const track of this.#deps.wanted) {
      this.#control(this.#deps.packets.bye(track));
    }
  }
}
