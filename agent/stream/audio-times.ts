import { opusFrameTicks } from '../media/opus/params.ts';
import type { Track } from '../media/sample/track.ts';

/**
 * Times of one track's audio packets in WebRTC. Chromium takes a packet that begins a tick too late for one after a loss, and FFmpeg's times
 * vary (mediamtx#3878): a packet whose time is off by less than its duration begins where the last one ended.
 */
export class AudioTimes {
  #endPts = Number.NaN;

  /** @returns the time to send for `data`, a packet of `track` at `pts` */
  place(track: Track, pts: number, data: Uint8Array): number {
    const durationTicks = ticksOf(track, data);
    const placed = Math.abs(pts - this.#endPts) < durationTicks ? this.#endPts : pts;
    this.#endPts = placed + durationTicks;
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
