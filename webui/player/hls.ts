import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import { hlsAddress } from '../box/addresses.ts';
import { UI_HEADER } from '../box/request.ts';
import { failureOf, type LiveSession, PlayError, type SessionFacts } from './live-session.ts';

/** The muxer starts on demand and needs its first segment. */
const FIRST_PICTURE_LIMIT_MS = 20_000;
const KEPT_BEHIND_S = 20;

export interface HlsOptions {
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Plays a path over HLS: with hls.js where the browser has Media Source Extensions, else by itself (iPhone). */
export async function openHls(video: HTMLVideoElement, { name, signal }: HlsOptions): Promise<LiveSession> {
  const session = await makeSession(video, name);
  const onAbort = () => session.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) {
      throw new PlayError('transport', 'closed while it was opened');
    }
    await firstPicture(video, session);
    return session;
  } catch (error) {
    session.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface HlsSession extends LiveSession {
  readonly failed: Promise<PlayError>;
}

async function makeSession(video: HTMLVideoElement, name: string): Promise<HlsSession> {
  if ('MediaSource' in window || 'ManagedMediaSource' in window) {
    const { default: HlsClass } = await import('hls.js');
    if (HlsClass.isSupported()) {
      return new HlsJsSession(HlsClass, video, name);
    }
  }
  if (video.canPlayType('application/vnd.apple.mpegurl') !== '') {
    return new NativeSession(video, name);
  }
  throw new PlayError('codec', 'this browser plays neither WebRTC nor HLS');
}

async function firstPicture(video: HTMLVideoElement, session: HlsSession): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onData = () => {};
  const shown = new Promise<undefined>((resolve) => {
    onData = () => resolve(undefined);
    video.addEventListener('loadeddata', onData, { once: true });
  });
  const late = new Promise<PlayError>((resolve) => {
    const text = `no picture within ${FIRST_PICTURE_LIMIT_MS / 1000} s`;
    timer = setTimeout(() => resolve(new PlayError('transport', text)), FIRST_PICTURE_LIMIT_MS);
  });
  video.play().catch(() => {});
  const failure = await Promise.race([shown, session.failed, late]);
  clearTimeout(timer);
  video.removeEventListener('loadeddata', onData);
  if (failure) {
    throw failure;
  }
}

/** The end of a session, which before the first picture is a failure with a kind. */
class Ending {
  readonly ended: Promise<string>;
  readonly failed: Promise<PlayError>;
  fail: (error: PlayError) => void = () => {};

  constructor() {
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
    this.ended = this.failed.then((error) => error.message);
  }
}

class HlsJsSession implements HlsSession {
  readonly technology = 'HLS';
  readonly #ending = new Ending();
  readonly ended = this.#ending.ended;
  readonly failed = this.#ending.failed;
  readonly #hls: Hls;
  #bytes = 0;
  #hasRecovered = false;

  constructor(HlsClass: typeof Hls, video: HTMLVideoElement, name: string) {
    this.#hls = new HlsClass({
      lowLatencyMode: true,
      liveDurationInfinity: true,
      backBufferLength: KEPT_BEHIND_S,
      xhrSetup: (request) => request.setRequestHeader('X-Perch-UI', UI_HEADER['X-Perch-UI']),
    });
    this.#hls.on(HlsClass.Events.ERROR, (_event, data) => this.#onError(HlsClass, data));
    this.#hls.on(HlsClass.Events.FRAG_LOADED, (_event, data) => {
      this.#bytes += data.frag.stats.loaded;
    });
    this.#hls.loadSource(hlsAddress(name));
    this.#hls.attachMedia(video);
  }

  async facts(): Promise<SessionFacts> {
    return { bytesReceived: this.#bytes };
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
      this.#ending.fail(new PlayError('codec', 'this browser cannot decode the codec'));
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
        ? failureOf(status, `HLS ended: ${details} ${status}`)
        : new PlayError('transport', `HLS ended: ${details}`),
    );
  }
}

class NativeSession implements HlsSession {
  readonly technology = 'HLS';
  readonly #ending = new Ending();
  readonly ended = this.#ending.ended;
  readonly failed = this.#ending.failed;
  readonly #video: HTMLVideoElement;
  readonly #onError: () => void;

  constructor(video: HTMLVideoElement, name: string) {
    this.#video = video;
    this.#onError = () => {
      const isCodec = video.error?.code === MediaError.MEDIA_ERR_DECODE;
      this.#ending.fail(new PlayError(isCodec ? 'codec' : 'absent', video.error?.message ?? 'HLS ended'));
    };
    video.addEventListener('error', this.#onError);
    video.src = hlsAddress(name);
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
