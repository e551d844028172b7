import { opusFrameTicks } from '../media/opus/params.ts';
import type { Track } from '../media/sample/track.ts';

/** Packets over which a time that is off is averaged: a clock may drift by 0.8 % of them without a gap. */
const AVERAGED = 64;
/** The time of a packet is compared with those of the last 64 to 128 packets. */
const COMPARED = 64;

/**
 * Times of one track's audio packets in WebRTC. Chromium takes a packet that begins a tick too late for one after a loss, FFmpeg's times
 * vary (mediamtx#3878), the clock of a camera's sound drifts from its timestamps, and some cameras give several packets nearly the same
 * time. So each packet begins where the last one ended. After a loss or a pause it begins whole packets later: its time is then later
 * than those of all packets that it is compared with. Sender reports state the drift.
 */
export class AudioTimes {
  /** Time sent for pts 0, without what single packets are off by. */
  offsetTicks = 0;
  /** Least difference of a sent time and its own, of the packets of this round and of the round before. */
  #leastTicks = Number.POSITIVE_INFINITY;
  #formerTicks = Number.POSITIVE_INFINITY;
  #count = 0;
  #endTicks = Number.NaN;
  #lastTicks = 0;

  /** @returns the time to send for `data`, a packet of `track` at `pts` */
  place(track: Track, pts: number, data: Uint8Array): number {
    const durationTicks = ticksOf(track, data);
    const stepTicks = Math.min(durationTicks, this.#lastTicks);
    let placed = pts;
    if (stepTicks > 0) {
      const lateTicks = pts + Math.min(this.#leastTicks, this.#formerTicks) - this.#endTicks;
      placed = this.#endTicks + Math.max(0, Math.round(lateTicks / stepTicks)) * stepTicks;
      this.offsetTicks += (placed - pts - this.offsetTicks) / AVERAGED;
    }
    this.#compare(placed - pts);
    this.#endTicks = placed + durationTicks;
    this.#lastTicks = durationTicks;
    return placed;
  }

  #compare(differenceTicks: number): void {
    if (this.#count === COMPARED) {
      this.#count = 0;
      this.#formerTicks = this.#leastTicks;
      this.#leastTicks = Number.POSITIVE_INFINITY;
    }
    this.#count += 1;
    this.#leastTicks = Math.min(this.#leastTicks, differenceTicks);
  }
}

/** Duration of a packet; 0: not known. */
function ticksOf(track: Track, data: Uint8Array): number {
  switch (track.codec) {
    case 'opus':
      return opusFrameTicks(data);
    case 'g711':
    case 'g722':
      return Math.floor(data.length / track.channels);
    default:
      return 0;
  }
}
