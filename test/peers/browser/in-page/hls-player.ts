import Hls from 'hls.js';
import { NearLive } from '../../../../webui/player/session/near-live.ts';
import { ShownClock } from './shown-clock.ts';

/** Runs in the page: see hls-player.ts. */
export type HlsPlayerKind = 'hls.js low latency' | 'hls.js' | 'native';

export interface PlayOptions {
  /** URL of the multivariant playlist. */
  readonly url: string;
  readonly kind: HlsPlayerKind;
}

export interface ShownPicture {
  /** Position on the player's time scale. */
  readonly mediaMs: number;
  /** Unix time at which it was shown. */
  readonly wallMs: number;
  /** The value of the time bar. */
  readonly clockMs: number | undefined;
}

export interface PlayReport {
  readonly pictures: readonly ShownPicture[];
  /** Interruptions after the start. */
  readonly stalls: number;
  /** The player's errors. */
  readonly errors: readonly string[];
  readonly size: readonly [width: number, height: number];
  /** Sound was decoded. */
  readonly hasSound: boolean;
}

/** Pictures that Chromium's own player may show before it seeks to its start position. */
const OWN_START_PICTURES = 2;

/** As in Perch's own players. */
const CATCH_UP_RATE = 1.1;

class Playing {
  readonly video = document.createElement('video');
  readonly pictures: ShownPicture[] = [];
  readonly errors: string[] = [];
  stalls = 0;
  #hasPlayed = false;
  readonly #clock = new ShownClock();

  constructor({ url, kind }: PlayOptions) {
    const { video } = this;
    video.muted = true;
    video.width = 160;
    document.body.append(video);
    video.addEventListener('playing', () => {
      this.#hasPlayed = true;
    });
    video.addEventListener('waiting', () => {
      // Chromium's own player starts at 0 and then seeks to its start position. A player that seeks waits there.
      this.stalls += this.#hasPlayed && !video.seeking && this.pictures.length > OWN_START_PICTURES ? 1 : 0;
    });
    video.addEventListener('error', () => this.errors.push(video.error?.message ?? 'error'));
    this.#awaitPicture();
    if (kind === 'native') {
      video.src = url;
      video.play().catch((error: Error) => this.errors.push(error.message));
      return;
    }
    video.autoplay = true;
    const lowLatencyMode = kind === 'hls.js low latency';
    const hls = new Hls({ lowLatencyMode, enableWorker: true, maxLiveSyncPlaybackRate: CATCH_UP_RATE });
    hls.on(Hls.Events.ERROR, (_event, { details, error }) => this.errors.push(`${details}: ${error.message}`));
    const nearLive = new NearLive(hls, video);
    hls.on(Hls.Events.LEVEL_UPDATED, () => nearLive.onPlaylist());
    hls.loadSource(url);
    hls.attachMedia(video);
  }

  report(): PlayReport {
    const { video } = this;
    const { webkitAudioDecodedByteCount } = video as unknown as { webkitAudioDecodedByteCount: number };
    return {
      pictures: this.pictures.slice(OWN_START_PICTURES),
      stalls: this.stalls,
      errors: this.errors,
      size: [video.videoWidth, video.videoHeight],
      hasSound: webkitAudioDecodedByteCount > 0,
    };
  }

  #awaitPicture(): void {
    this.video.requestVideoFrameCallback((_now, { mediaTime }) => {
      const wallMs = Date.now();
      const clockMs = this.#clock.read(this.video);
      this.pictures.push({ mediaMs: mediaTime * 1000, wallMs, clockMs });
      this.#awaitPicture();
    });
  }
}

let playing: Playing | undefined;

Object.assign(globalThis, {
  perchHlsPlayer: {
    play: (options: PlayOptions) => {
      playing = new Playing(options);
    },
    report: () => playing?.report(),
  },
});
