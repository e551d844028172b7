import { opusFrameTicks } from '../media/opus/params.ts';
import type { Track } from '../media/sample/track.ts';

/**
 * Times of one track's audio packets in WebRTC. Chromium takes a packet that begins a tick too late for one after a loss, and FFmpeg's times
 * vary (mediamtx#3878): a packet whose time is off by less than half a packet begins where the last one ended.
 */
export class AudioTimes {
  #endPts = Number.NaN;
  #lastTicks = 0;

  /** @returns the time to send for `data`, a packet of `track` at `pts` */
  place(track: Track, pts: number, data: Uint8Array): number {
    const durationTicks = ticksOf(track, data);
    const nearTicks = Math.min(durationTicks, this.#lastTicks) / 2;
    const placed = Math.abs(pts - this.#endPts) < nearTicks ? this.#endPts : pts;
    this.#endPts = placed + durationTicks;
    this.#lastTicks = durationTicks;
    return placed;
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
