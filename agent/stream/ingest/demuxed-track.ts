import type { Clock } from '../../base/clock.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import type { Track } from '../../media/sample/track.ts';
import type { InboundTrack, UnitOutput } from './inbound-track.ts';
import type { Timeline } from './timeline.ts';
import type { TrackTimeline } from './track-timeline.ts';

/** Containers round the times of audio frames to a tick of their own clock, or to a sample. */
const MAX_ROUNDING_MS = 1.5;

/**
 * A track of a container (FLV, MPEG-TS): complete units with the container's own decode and presentation times.
 * All tracks have one clock, so their times need no other alignment.
 */
export class DemuxedTrack implements InboundTrack, UnitSink {
  /** Name of the encoding; may become known with the first unit. */
  encoding: string;
  readonly isVideo: boolean;
  readonly timeline: TrackTimeline;
  track: Track | undefined;
  /** Units received from the container. */
  packets = 0;
  damage: string | undefined;
  lastPacketMs = 0;
  lastUnitMs = 0;
  readonly #ticksPerMs: number;
  readonly #output: UnitOutput;
  readonly #clock: Clock;
  /** Where the next audio frame begins if it follows the last one; NaN: not known. */
  #nextTicks = Number.NaN;

  /** @param clockRate of the container: FLV 1,000, MPEG-TS 90,000 */
  constructor(
    encoding: string,
    isVideo: boolean,
    clockRate: number,
    timeline: Timeline,
    output: UnitOutput,
    clock: Clock,
  ) {
    this.encoding = encoding;
    this.isVideo = isVideo;
    this.timeline = timeline.addTrack(clockRate, true);
    this.timeline.peers = timeline.tracks;
    this.#ticksPerMs = clockRate / 1000;
    this.#output = output;
    this.#clock = clock;
  }

  /**
   * Called for each unit of the container before its frames.
   * @param timestamp decode time modulo 2^32
   * @returns the same time without jumps, for `onUnit`
   */
  arrive(timestamp: number): number {
    this.packets += 1;
    this.lastPacketMs = this.#clock.monoMs();
    if (!this.timeline.hasArrived) {
      this.timeline.report(timestamp / this.#ticksPerMs, timestamp);
    }
    return this.timeline.arrive(timestamp, this.lastPacketMs);
  }

  /**
   * The time of an audio frame: exactly after the previous one where the container's clock says the same.
   * @param frameMs duration of the frame
   */
  follow(ticks: number, frameMs: number): number {
    const isExpected = Math.abs(this.#nextTicks - ticks) <= MAX_ROUNDING_MS * this.#ticksPerMs;
    const start = isExpected ? this.#nextTicks : ticks;
    this.#nextTicks = start + frameMs * this.#ticksPerMs;
    return start;
  }

  onUnit(pts: number, dts: number, key: boolean, data: Uint8Array): void {
    this.lastUnitMs = this.lastPacketMs;
    this.damage = undefined;
    this.#output.onUnit(this, pts, dts, key, data);
  }

  onTrack(track: Track): void {
    this.track = track;
    this.timeline.clockRate = track.clockRate;
    this.#output.onTrack(this, track);
  }

  onDamage(reason: string): void {
    this.damage = reason;
    this.#output.onDamage(this, reason);
  }
}
