import type Hls from 'hls.js';

/** Larger steps back are the user's. */
const LOOKS_BACK_S = 0.5;
/** Minimum time between seeks, for slow machines. */
const BETWEEN_JUMPS_MS = 5_000;

/** The part of hls.js in use. */
type Player = Pick<Hls, 'liveSyncPosition' | 'targetLatency' | 'latestLevelDetails'>;
type Video = Pick<HTMLVideoElement, 'currentTime' | 'paused' | 'seeking' | 'buffered' | 'addEventListener'>;

/**
 * hls.js catches up by playing faster, but treats a viewer more than a target duration behind live as one who has
 * seeked back. A viewer who started late, because the last key frame was old, would stay late. This seeks to the live
 * edge once it is buffered, unless the user has seeked back.
 */
export class NearLive {
  readonly #player: Player;
  readonly #video: Video;
  readonly #nowMs: () => number;
  #lastS = 0;
  #looksBack = false;
  #jumpedMs = -BETWEEN_JUMPS_MS;

  constructor(player: Player, video: Video, nowMs = () => performance.now()) {
    this.#player = player;
    this.#video = video;
    this.#nowMs = nowMs;
    video.addEventListener('timeupdate', () => {
      if (!video.seeking) {
        this.#lastS = video.currentTime;
      }
    });
    video.addEventListener('seeking', () => {
      this.#looksBack ||= video.currentTime < this.#lastS - LOOKS_BACK_S;
    });
  }

  /** Call it for each playlist. */
  onPlaylist(): void {
    const { liveSyncPosition, targetLatency, latestLevelDetails } = this.#player;
    const video = this.#video;
    if (liveSyncPosition === null || targetLatency === null || video.paused || video.seeking) {
      return;
    }
    const rangeOfHlsJsS = targetLatency + (latestLevelDetails?.targetduration ?? 0);
    if (liveSyncPosition - video.currentTime < rangeOfHlsJsS) {
      this.#looksBack = false;
      return;
    }
    const isTooSoon = this.#nowMs() - this.#jumpedMs < BETWEEN_JUMPS_MS;
    if (!this.#looksBack && !isTooSoon && this.#hasAllUpTo(liveSyncPosition)) {
      this.#jumpedMs = this.#nowMs();
      video.currentTime = liveSyncPosition;
    }
  }

  #hasAllUpTo(timeS: number): boolean {
    const { buffered, currentTime } = this.#video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i)) {
        return timeS < buffered.end(i);
      }
    }
    return false;
  }
}
