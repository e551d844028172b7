import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import { mediaSourceClass, NATIVE_HLS, playsOpus } from './codecs.ts';
import {
  failureOf,
  type LiveSession,
  openSession,
  PlayError,
  playOrMute,
  SessionEnd,
  type SessionFacts,
  waitForPicture,
} from './live-session.ts';
import { NearLive } from './near-live.ts';
import { type Source, withParameter } from './source.ts';
import type { OpenOptions } from './whep.ts';

const KEPT_BEHIND_S = 10;
/**
 * Catch-up rate. hls.js uses it only with more than a second buffered: Chromium stutters on stretched audio with less
 * than 0.3 s.
 */
const CATCH_UP_RATE = 1.1;

/** Loaded on demand. */
export type LoadHls = () => Promise<typeof Hls>;

/** Plays a path over HLS: with hls.js where there is Media Source, else natively (iPhone). */
export async function openHls(video: HTMLVideoElement, options: OpenOptions, loadHls: LoadHls): Promise<LiveSession> {
  const session = await makeSession(video, options, loadHls);
  return openSession(session, options.signal, () => {
    playOrMute(video);
    // The muxer starts on demand and needs its first segment.
    return waitForPicture(video, session.failed, 20_000);
  });
}

/** Progress of a stream without video; call it when the element has its first data. */
const soundAloneOf = (video: HTMLVideoElement): LiveSession['soundAlone'] =>
  video.videoWidth === 0 ? () => video.currentTime : undefined;

interface HlsSession extends LiveSession {
  readonly failed: Promise<PlayError>;
}

async function makeSession(video: HTMLVideoElement, options: OpenOptions, loadHls: LoadHls): Promise<HlsSession> {
  const { source, signal } = options;
  if (source.hls === undefined) {
    throw new PlayError('transport', 'HLS is not served here');
  }
  if (mediaSourceClass()) {
    const HlsClass = await loadHls();
    if (signal.aborted) {
      // The video may have another source by now.
      throw new PlayError('transport', 'closed while it was opened');
    }
    if (HlsClass.isSupported()) {
      return new HlsJsSession(HlsClass, video, playlistOf(source.hls, playsOpus() ?? true), source.headers);
    }
  }
  if (video.canPlayType(NATIVE_HLS) !== '') {
    return new NativeSession(video, playlistOf(source.hls, video.canPlayType('audio/mp4; codecs="opus"') !== ''));
  }
  throw new PlayError('transport', 'this browser does not play HLS');
}

const playlistOf = (hls: string, hasOpus: boolean): string => (hasOpus ? hls : withParameter(hls, 'audio=flac'));

class HlsJsSession implements HlsSession {
  readonly technology = 'HLS';
  readonly lacksSound = false;
  readonly #ending = new SessionEnd();
  readonly ended = this.#ending.ended;
  readonly failed = this.#ending.failed;
  readonly #hls: Hls;
  readonly #video: HTMLVideoElement;
  #bytes = 0;
  #hasRecovered = false;

  constructor(HlsClass: typeof Hls, video: HTMLVideoElement, address: string, headers: Source['headers']) {
    this.#video = video;
    this.#hls = new HlsClass({
      lowLatencyMode: true,
      maxLiveSyncPlaybackRate: CATCH_UP_RATE,
      liveDurationInfinity: true,
      backBufferLength: KEPT_BEHIND_S,
      xhrSetup: (request) => {
        for (const [name, value] of Object.entries(headers)) {
          request.setRequestHeader(name, value);
        }
      },
    });
    this.#hls.on(HlsClass.Events.ERROR, (_event, data) => this.#onError(HlsClass, data));
    this.#hls.on(HlsClass.Events.FRAG_LOADED, (_event, data) => {
      this.#bytes += data.frag.stats.loaded;
    });
    const nearLive = new NearLive(this.#hls, video);
    this.#hls.on(HlsClass.Events.LEVEL_UPDATED, () => nearLive.onPlaylist());
    this.#hls.loadSource(address);
    this.#hls.attachMedia(video);
  }

  get soundAlone(): LiveSession['soundAlone'] {
    return soundAloneOf(this.#video);
  }

  async facts(): Promise<SessionFacts> {
    const lagMs = this.#hls.latency * 1000;
    return { bytesReceived: this.#bytes, ...(lagMs > 0 ? { lagMs } : {}) };
  }

  close(): void {
    this.#hls.destroy();
    this.#ending.fail(new PlayError('transport', 'closed'));
  }

  #onError(HlsClass: typeof Hls, data: ErrorData): void {
    const { ErrorDetails, ErrorTypes } = HlsClass;
    const { details } = data;
    if (
      details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
      details === ErrorDetails.BUFFER_ADD_CODEC_ERROR ||
      details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR
    ) {
      // hls.js uses the name in the playlist.
      this.#ending.fail(new PlayError('codec', `this browser cannot decode it: ${data.error.message}`));
      return;
    }
    if (!data.fatal) {
      return;
    }
    if (data.type === ErrorTypes.MEDIA_ERROR && !this.#hasRecovered) {
      this.#hasRecovered = true;
      this.#hls.recoverMediaError();
      return;
    }
    const status = data.response?.code ?? 0;
    this.#ending.fail(
      data.type === ErrorTypes.NETWORK_ERROR
        ? failureOf(status, serverReason(data) ?? `HLS ended: ${details} ${status}`)
        : new PlayError('transport', `HLS ended: ${details}`),
    );
  }
}

class NativeSession implements HlsSession {
  readonly technology = 'HLS';
  readonly lacksSound = false;
  readonly #ending = new SessionEnd();
  readonly ended = this.#ending.ended;
  readonly failed = this.#ending.failed;
  readonly #video: HTMLVideoElement;
  readonly #onError: () => void;

  constructor(video: HTMLVideoElement, address: string) {
    this.#video = video;
    this.#onError = () => {
      const isCodec = video.error?.code === MediaError.MEDIA_ERR_DECODE;
      this.#ending.fail(new PlayError(isCodec ? 'codec' : 'absent', video.error?.message ?? 'HLS ended'));
    };
    video.addEventListener('error', this.#onError);
    video.src = address;
  }

  get soundAlone(): LiveSession['soundAlone'] {
    return soundAloneOf(this.#video);
  }

  async facts(): Promise<SessionFacts> {
    return {};
  }

  close(): void {
    this.#video.removeEventListener('error', this.#onError);
    this.#video.removeAttribute('src');
    this.#video.load();
    this.#ending.fail(new PlayError('transport', 'closed'));
  }
}

/** Reason in the body of the server's response, `{"status":"error","error":"text"}`. */
function serverReason({ networkDetails }: ErrorData): string | undefined {
  try {
    const { error } = JSON.parse((networkDetails as XMLHttpRequest).responseText) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
