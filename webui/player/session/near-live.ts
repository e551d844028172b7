import type Hls from 'hls.js';

/** A step back by more than this is a person's, who wants to see something again. */
const LOOKS_BACK_S = 0.5;
/** A machine that cannot keep up is not sent ahead again at once. */
const BETWEEN_JUMPS_MS = 5_000;

/** The part of hls.js that is needed, and what its playlists are told by. */
type Player = Pick<Hls, 'liveSyncPosition' | 'targetLatency' | 'latestLevelDetails'>;
type Video = Pick<HTMLVideoElement, 'currentTime' | 'paused' | 'seeking' | 'buffered' | 'addEventListener'>;

/**
 * hls.js catches up what a busy moment added by playing faster, but takes a viewer who is more than a target duration late for one who
 * looks back: whoever began late, because the only key picture was long ago, would stay late for ever. He goes on at the live edge
 * once all up to there is at hand, unless he went back himself.
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

  /** To be called with each playlist. */
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
