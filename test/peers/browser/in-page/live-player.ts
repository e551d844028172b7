import type { LiveSession } from '../../../../webui/player/session/live-session.ts';
import { openMse } from '../../../../webui/player/session/mse.ts';
import type { ShownPicture } from './hls-player.ts';
import { ShownClock } from './shown-clock.ts';

/** Runs in the page: see live-player.ts. */
export interface LiveOptions {
  /** URL of `mse` (`ws:`) or of `live.mp4` (`http:`). */
  readonly url: string;
  /** Reads the time bar of each picture that is shown. */
  readonly readsClock: boolean;
}

/** The player had nothing to play. */
export interface Stall {
  /** Unix time. */
  readonly wallMs: number;
  /** Time for which nothing had arrived before. A stall longer than the player's buffer is not the player's fault. */
  readonly pausedMs: number;
  /** Time until the next picture was shown; undefined: none was shown. */
  readonly forMs: number | undefined;
  /** Time bar of the last shown picture; undefined: none was shown or read. */
  readonly clockMs: number | undefined;
}

export interface LiveReport {
  readonly pictures: readonly ShownPicture[];
  /** Time from the call to the first picture that is shown. */
  readonly firstPictureMs: number | undefined;
  readonly stalls: readonly Stall[];
  readonly errors: readonly string[];
  readonly size: readonly [width: number, height: number];
  readonly hasSound: boolean;
  /** The player's own delay measurement, in ms. */
  readonly lagMs: number | undefined;
}

const PAUSE_MEMORY_MS = 1_000;
let arrivedMs = performance.now();
/** Recent pauses between arrivals of data, and when each ended. */
let pauses: { readonly endMs: number; readonly forMs: number }[] = [];

function onArrival(): void {
  const nowMs = performance.now();
  pauses = pauses.filter(({ endMs }) => endMs >= nowMs - PAUSE_MEMORY_MS);
  pauses.push({ endMs: nowMs, forMs: nowMs - arrivedMs });
  arrivedMs = nowMs;
}

/** A WebSocket that also calls `onArrival` for each message. */
class ToldWebSocket extends WebSocket {
  constructor(url: string | URL) {
    super(url);
    this.addEventListener('message', onArrival);
  }
}
globalThis.WebSocket = ToldWebSocket;

/** The data of the browser's own player is invisible: a second reader of the same stream shows its arrivals. */
async function witness(url: string, signal: AbortSignal): Promise<void> {
  const { body } = await fetch(url, { signal });
  const reader = body?.getReader();
  while (reader && !(await reader.read()).done) {
    onArrival();
  }
}

function pausedMs(): number {
  const nowMs = performance.now();
  const lately = pauses.filter(({ endMs }) => endMs >= nowMs - PAUSE_MEMORY_MS).map(({ forMs }) => forMs);
  return Math.max(nowMs - arrivedMs, ...lately);
}

class Playing {
  readonly video = document.createElement('video');
  readonly pictures: ShownPicture[] = [];
  readonly errors: string[] = [];
  readonly stalls: Stall[] = [];
  readonly #options: LiveOptions;
  readonly #startedMs = performance.now();
  readonly #stop = new AbortController();
  #firstPictureMs: number | undefined;
  #session: LiveSession | undefined;
  readonly #clock = new ShownClock();

  constructor(options: LiveOptions) {
    this.#options = options;
    const { video } = this;
    video.muted = true;
    video.autoplay = true;
    video.width = 160;
    document.body.append(video);
    video.addEventListener('waiting', () => {
      const { clockMs } = this.pictures.at(-1) ?? { clockMs: undefined };
      this.stalls.push({ wallMs: Date.now(), pausedMs: pausedMs(), clockMs, forMs: undefined });
    });
    video.addEventListener('error', () => this.errors.push(video.error?.message ?? 'error'));
    this.#awaitPicture();
    if (options.url.startsWith('http')) {
      video.src = options.url;
      // Ends with the page, or with the stream.
      witness(options.url, this.#stop.signal).catch(() => {});
    } else {
      this.#openMse(options.url);
    }
  }

  async report(): Promise<LiveReport> {
    const { video, pictures, stalls, errors } = this;
    const { webkitAudioDecodedByteCount } = video as unknown as { webkitAudioDecodedByteCount: number };
    const { lagMs } = (await this.#session?.facts()) ?? {};
    return {
      pictures,
      stalls,
      errors,
      firstPictureMs: this.#firstPictureMs,
      size: [video.videoWidth, video.videoHeight],
      hasSound: webkitAudioDecodedByteCount > 0,
      lagMs,
    };
  }

  close(): void {
    this.#stop.abort();
    this.#session?.close();
    this.video.remove();
  }

  async #openMse(mse: string): Promise<void> {
    const source = { whep: undefined, mse, hls: undefined, headers: {} };
    try {
      this.#session = await openMse(this.video, { source, wantsSound: true, signal: this.#stop.signal });
      this.errors.push(await this.#session.ended);
    } catch (error) {
      this.errors.push(String(error));
    }
  }

  #awaitPicture(): void {
    this.video.requestVideoFrameCallback((nowMs, { mediaTime }) => {
      this.#firstPictureMs ??= nowMs - this.#startedMs;
      const wallMs = Date.now();
      const stall = this.stalls.at(-1);
      if (stall && stall.forMs === undefined) {
        this.stalls[this.stalls.length - 1] = {
          ...stall,
          forMs: wallMs - stall.wallMs,
          pausedMs: Math.max(stall.pausedMs, pausedMs()),
        };
      }
      const clockMs = this.#options.readsClock ? this.#clock.read(this.video) : undefined;
      this.pictures.push({ mediaMs: mediaTime * 1000, wallMs, clockMs });
      this.#awaitPicture();
    });
  }
}

let playing: Playing | undefined;

Object.assign(globalThis, {
  perchLivePlayer: {
    play: (options: LiveOptions) => {
      playing = new Playing(options);
    },
    report: () => playing?.report(),
    close: () => playing?.close(),
  },
});
