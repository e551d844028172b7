import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import type { Track } from '../../media/sample/track.ts';

const TICK_MS = 20;
/** Media times begin here, so that tracks which begin before the first one have positive times. */
const ORIGIN_MS = 10_000;
/** Units that jump by more than this without a discontinuity have another clock. */
const MAX_STEP_MS = 10_000;
/** No segment is loaded while more than `MAX_WAITING_MS` of units wait, or more than `MIN_WAITING_MS` and these bytes. */
const MAX_WAITING_BYTES = 48 << 20;
const MAX_WAITING_MS = 20_000;
const MIN_WAITING_MS = 2_000;
const POLL_MS = 100;
/** Shortest time from the last unit before a discontinuity to the first unit after it. */
const FRAME_MS = 40;
/** Share by which playback is faster while the queue is too long, because the server's clock runs faster than this box's. */
const CATCH_UP = 0.01;
const OBSERVED_MS = 30_000;

/** Receives the units that are released. */
export interface PlayoutSink extends UnitSink {
  /** Called after a unit with its capture time by the server's clock, in Unix milliseconds. */
  onWallTime?(dts: number, wallMs: number): void;
}

interface WaitingUnit {
  readonly pts: number;
  readonly dts: number;
  readonly key: boolean;
  readonly data: Uint8Array;
  /** Undefined: this track follows from here on. */
  readonly track?: Track;
  /** Time on the common timeline. */
  readonly atMs: number;
  readonly wallMs?: number | undefined;
}

interface Queue {
  readonly units: WaitingUnit[];
  first: number;
}

/**
 * Releases the units of all renditions by their times, as an encoder would send them. One timeline for all tracks: where the server's
 * times jump, those of the units continue.
 */
export class Playout {
  /** Units may wait this long without being played faster. */
  maxAheadMs = Number.POSITIVE_INFINITY;
  #isFast = false;
  readonly #clock: Clock;
  readonly #sinks: PlayoutSink[] = [];
  readonly #queues: Queue[] = [];
  /** What is added to the times of a server's timeline, by its number. */
  readonly #shifts = new Map<number, number>();
  #bytes = 0;
  /** Monotonic time minus the common timeline; NaN: not started. */
  #offsetMs = Number.NaN;
  /** Shortest time between the arrival of a unit and its release, since the window began. */
  #minAheadMs = Number.POSITIVE_INFINITY;
  #windowMs = 0;
  readonly #onError: (cause: unknown) => void;
  #stop: (() => void) | undefined;

  /** @param onError with what a sink throws */
  constructor(clock: Clock, onError: (cause: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** @param sink its units have ticks of `clockRate` @returns where the units of the segments go, on the server's timelines */
  addTrack(sink: PlayoutSink, clockRate: number): PlayoutTrack {
    const queue: Queue = { units: [], first: 0 };
    this.#sinks.push(sink);
    this.#queues.push(queue);
    return new PlayoutTrack(this, queue, clockRate);
  }

  /** The first units are released now. */
  start(): void {
    this.#windowMs = this.#clock.monoMs();
    const heads = this.#queues.flatMap(({ units }) => units[0]?.atMs ?? []);
    this.#offsetMs = this.#windowMs - (heads.length > 0 ? Math.min(...heads) : ORIGIN_MS);
    this.#stop = this.#clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#stop?.();
  }

  /** Resolves when there is room for another segment. @param lastMs time of the rendition's last unit, on the common timeline */
  async room(lastMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#isFull(lastMs)) {
      await this.#clock.sleep(POLL_MS, signal);
    }
  }

  /** Resolves when all units are released. */
  async drained(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#queues.some(({ units, first }) => units.length > first)) {
      await this.#clock.sleep(TICK_MS, signal);
    }
  }

  #isFull(lastMs: number): boolean {
    const aheadMs = Number.isNaN(this.#offsetMs) ? 0 : lastMs - (this.#clock.monoMs() - this.#offsetMs);
    return aheadMs > (this.#bytes > MAX_WAITING_BYTES ? MIN_WAITING_MS : MAX_WAITING_MS);
  }

  /**
   * What to add to the times of a timeline of the server.
   * @param mediaMs time of the first unit on it, if it is new
   * @param nextMs where that unit comes on the common timeline
   */
  shiftOf(timeline: number, mediaMs: number, nextMs: number): number {
    const known = this.#shifts.get(timeline);
    if (known !== undefined) {
      return known;
    }
    const shiftMs = nextMs - mediaMs;
    this.#shifts.set(timeline, shiftMs);
    for (const oldest of [...this.#shifts.keys()].slice(0, -8)) {
      this.#shifts.delete(oldest);
    }
    return shiftMs;
  }

  add(queue: Queue, unit: WaitingUnit): void {
    queue.units.push(unit);
    this.#bytes += unit.data.length;
    if (Number.isNaN(this.#offsetMs)) {
      return;
    }
    const aheadMs = unit.atMs + this.#offsetMs - this.#clock.monoMs();
    if (aheadMs < 0) {
      // The segment came too late: playback pauses for that time and stays later by as much.
      this.#offsetMs -= aheadMs;
    }
    this.#minAheadMs = Math.min(this.#minAheadMs, aheadMs);
  }

  /** `#minAheadMs` of a complete window, and starts the next window. Undefined: the window is not complete. */
  #takeMinAhead(nowMs: number): number | undefined {
    if (nowMs - this.#windowMs < OBSERVED_MS) {
      return undefined;
    }
    const minMs = this.#minAheadMs;
    this.#windowMs = nowMs;
    this.#minAheadMs = Number.POSITIVE_INFINITY;
    return minMs;
  }

  #tick(): void {
    const nowMs = this.#clock.monoMs();
    const minMs = this.#takeMinAhead(nowMs);
    if (minMs !== undefined) {
      this.#isFast = minMs > this.maxAheadMs && minMs !== Number.POSITIVE_INFINITY;
    }
    if (this.#isFast) {
      this.#offsetMs -= TICK_MS * CATCH_UP;
    }
    try {
      for (let i = 0; i < this.#queues.length; i += 1) {
        this.#release(this.#queues[i] as Queue, this.#sinks[i] as PlayoutSink, nowMs - this.#offsetMs);
      }
    } catch (cause) {
      this.#onError(cause);
    }
  }

  #release(queue: Queue, sink: PlayoutSink, untilMs: number): void {
    for (; queue.first < queue.units.length; queue.first += 1) {
      const unit = queue.units[queue.first] as WaitingUnit;
      if (unit.atMs > untilMs) {
        break;
      }
      this.#bytes -= unit.data.length;
      if (unit.track) {
        sink.onTrack(unit.track);
      } else {
        sink.onUnit(unit.pts, unit.dts, unit.key, unit.data);
        if (unit.wallMs !== undefined) {
          sink.onWallTime?.(unit.dts, unit.wallMs);
        }
      }
    }
    if (queue.first > 0 && queue.first >= queue.units.length / 2) {
      queue.units.splice(0, queue.first);
      queue.first = 0;
    }
  }
}

const NO_DATA = new Uint8Array(0);

/** The units of one track, on their way to the playout. */
export class PlayoutTrack implements UnitSink {
  /** Number of the server's timeline that the next units are on. */
  timeline = 0;
  /** Capture time of the next unit by the server's clock, in Unix milliseconds, or undefined if not given. */
  wallMs: number | undefined;
  /** Time of the last unit, on the common timeline. */
  lastMs = ORIGIN_MS;
  readonly #playout: Playout;
  readonly #queue: Queue;
  readonly #clockRate: number;
  #isFirst = true;
  #shiftedTimeline = -1;
  #shiftMs = 0;

  constructor(playout: Playout, queue: Queue, clockRate: number) {
    this.#playout = playout;
    this.#queue = queue;
    this.#clockRate = clockRate;
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    const mediaMs = (dts * 1000) / this.#clockRate;
    if (!Number.isFinite(mediaMs) || !Number.isFinite(pts)) {
      throw new PerchError('badInput', 'a segment has units without time');
    }
    if (this.timeline !== this.#shiftedTimeline) {
      const nextMs = this.#isFirst ? ORIGIN_MS : this.lastMs + FRAME_MS;
      this.#shiftMs = this.#playout.shiftOf(this.timeline, mediaMs, nextMs);
      this.#shiftedTimeline = this.timeline;
    }
    if (!this.#isFirst && Math.abs(mediaMs + this.#shiftMs - this.lastMs) > MAX_STEP_MS) {
      this.#shiftMs = this.lastMs + FRAME_MS - mediaMs;
    }
    this.#isFirst = false;
    this.lastMs = mediaMs + this.#shiftMs;
    const shiftTicks = Math.round((this.#shiftMs * this.#clockRate) / 1000);
    const { lastMs: atMs, wallMs } = this;
    this.wallMs = undefined;
    this.#playout.add(this.#queue, { pts: pts + shiftTicks, dts: dts + shiftTicks, key, data, atMs, wallMs });
  }

  onTrack(track: Track): void {
    this.#playout.add(this.#queue, { pts: 0, dts: 0, key: false, data: NO_DATA, track, atMs: this.lastMs });
  }

  onDamage(): void {}
}
