import { codecIn, mediaSourceClass, playableCodecs, playsOpus } from './codecs.ts';
import { LiveEdgeController } from './live-edge.ts';
import {
  type LiveSession,
  openSession,
  PlayError,
  playOrMute,
  SessionEnd,
  type SessionFacts,
  waitForPicture,
} from './live-session.ts';
import { MseBuffer } from './mse-buffer.ts';
import { startsWithKeyFrame } from './mse-fragment.ts';
import { failureOfMse, lagMs, type MseClock, type MseInit, type MseMessage, parseMessage } from './mse-messages.ts';
import { withParameter } from './source.ts';
import type { OpenOptions } from './whep.ts';

/** Plays a path as live fMP4 over a WebSocket, through Media Source Extensions. */
export async function openMse(video: HTMLVideoElement, options: OpenOptions): Promise<LiveSession> {
  const { mse } = options.source;
  const Source = mediaSourceClass();
  if (!Source || mse === undefined) {
    throw new PlayError('transport', Source ? 'live fMP4 is not served here' : 'this browser has no Media Source');
  }
  const codecs = playableCodecs((type) => Source.isTypeSupported(type), options.wantsSound);
  const address = withParameter(mse, `codecs=${codecs.join()}${playsOpus() ? '' : '&audio=flac'}`);
  const session = new MseSession(video, new Source(), new WebSocket(address));
  return openSession(session, options.signal, () => {
    playOrMute(video);
    // A ready stream sends at once; an on-demand camera takes longer.
    return waitForPicture(video, session.failed, 15_000);
  });
}

class MseSession implements LiveSession {
  readonly technology = 'MSE';
  readonly lacksSound = false;
  readonly #ending = new SessionEnd();
  readonly ended = this.#ending.ended;
  readonly failed = this.#ending.failed;
  readonly #video: HTMLVideoElement;
  readonly #source: MediaSource;
  readonly #socket: WebSocket;
  readonly #edge = new LiveEdgeController();
  readonly #address: string;
  readonly #over = new AbortController();
  /** Received before the source was open. */
  readonly #early: (MseMessage | ArrayBuffer)[] = [];
  #buffer: MseBuffer | undefined;
  #init: MseInit | undefined;
  /** The next segment is an init segment, perhaps of another type. */
  #awaitsInit: { readonly type?: string } | undefined;
  #clock: { readonly said: MseClock; readonly atMs: number } | undefined;
  #bytes = 0;
  /** Not `readyState`: it is open before its event, and queued data come first. */
  #isOpen = false;
  #hasBegun = false;

  constructor(video: HTMLVideoElement, source: MediaSource, socket: WebSocket) {
    this.#video = video;
    this.#source = source;
    this.#socket = socket;
    const { signal } = this.#over;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => this.#onData(data), { signal });
    socket.addEventListener('close', () => this.#fail('transport', this.#lossReason), { signal });
    source.addEventListener('sourceopen', () => this.#onOpen(), { signal });
    video.addEventListener('error', () => this.#fail('transport', video.error?.message || 'it cannot be decoded'), {
      signal,
    });
    video.addEventListener('loadedmetadata', () => this.#onAppended(), { signal });
    video.addEventListener('waiting', () => this.#onStall(), { signal });
    // Also without arrivals, because gaps in the buffer must be skipped.
    video.addEventListener('timeupdate', () => this.#steer(), { signal });
    video.disableRemotePlayback = true;
    this.#address = URL.createObjectURL(source);
    video.src = this.#address;
  }

  get soundAlone(): LiveSession['soundAlone'] {
    const hasPicture = this.#init?.tracks.some(({ kind }) => kind === 'video') ?? true;
    return hasPicture ? undefined : () => this.#video.currentTime;
  }

  async facts(): Promise<SessionFacts> {
    const picture = this.#init?.tracks.find(({ kind }) => kind === 'video');
    const codec = picture && codecIn(picture.label);
    return {
      bytesReceived: this.#bytes,
      leftOut: (this.#init?.leftOut ?? []).map(({ label }) => label),
      ...(codec === undefined ? {} : { codec }),
      ...(this.#clock === undefined ? {} : { lagMs: this.#lagMs(this.#clock) }),
    };
  }

  close(): void {
    if (this.#over.signal.aborted) {
      return;
    }
    this.#over.abort();
    this.#buffer?.close();
    this.#socket.close();
    this.#video.playbackRate = 1;
    if (this.#video.src === this.#address) {
      this.#video.removeAttribute('src');
      this.#video.load();
    }
    URL.revokeObjectURL(this.#address);
    this.#fail('transport', 'closed');
  }

  get #lossReason(): string {
    return this.#init ? 'the connection is lost' : 'no WebSocket connection';
  }

  #lagMs({ said, atMs }: { readonly said: MseClock; readonly atMs: number }): number {
    return lagMs(said, performance.now() - atMs, this.#video.currentTime);
  }

  #fail(kind: PlayError['kind'], reason: string): void {
    this.#ending.fail(new PlayError(kind, reason));
  }

  #onOpen(): void {
    this.#isOpen = true;
    for (const data of this.#early.splice(0)) {
      this.#onData(data);
    }
  }

  #onData(text: string | MseMessage | ArrayBuffer): void {
    const data = typeof text === 'string' ? parseMessage(text) : text;
    const isFragment = data instanceof ArrayBuffer;
    // The end of the stream has no minimum buffer.
    if (!this.#isOpen && (isFragment || data.type !== 'error')) {
      this.#early.push(data);
    } else if (isFragment) {
      this.#onPiece(data);
    } else {
      this.#onMessage(data);
    }
  }

  #onMessage(message: MseMessage): void {
    switch (message.type) {
      case 'init':
        this.#onInit(message);
        break;
      case 'clock':
        this.#clock = { said: message, atMs: performance.now() };
        break;
      case 'error':
        this.#ending.fail(failureOfMse(message));
        break;
      case 'skip':
      case 'unknown':
        break;
    }
  }

  #onInit(init: MseInit): void {
    const isOther = this.#init !== undefined && this.#init.mimeCodec !== init.mimeCodec;
    this.#init = init;
    this.#edge.hasSound = init.tracks.some(({ kind }) => kind === 'audio');
    if (!(this.#source.constructor as typeof MediaSource).isTypeSupported(init.mimeCodec)) {
      this.#fail('codec', `this browser cannot decode ${init.mimeCodec}`);
      return;
    }
    this.#awaitsInit = isOther ? { type: init.mimeCodec } : {};
    if (this.#buffer) {
      return;
    }
    this.#source.duration = Number.POSITIVE_INFINITY;
    this.#buffer = new MseBuffer(this.#source.addSourceBuffer(init.mimeCodec), this.#video, {
      onAppended: () => this.#onAppended(),
      onFailed: (reason) => this.#fail('transport', reason),
    });
  }

  #onPiece(bytes: ArrayBuffer): void {
    this.#bytes += bytes.byteLength;
    const init = this.#awaitsInit;
    this.#awaitsInit = undefined;
    // Tracks are numbered from 1 in the announced order. Audio only: every sample is a sync sample.
    const trackId = Math.max(0, this.#init?.tracks.findIndex(({ kind }) => kind === 'video') ?? 0) + 1;
    const isKey = init === undefined && startsWithKeyFrame(bytes, trackId);
    if (isKey && this.#hasBegun) {
      this.#edge.onKey(performance.now());
    }
    this.#buffer?.push(bytes, isKey, init?.type);
  }

  #onAppended(): void {
    const endS = this.#buffer?.ranges.at(-1)?.[1];
    if (endS === undefined || !this.#init) {
      return;
    }
    // The burst since the last key frame: only its end is shown.
    const canBegin = this.#video.readyState >= HTMLMediaElement.HAVE_METADATA && endS >= this.#init.liveS;
    if (!this.#hasBegun && canBegin) {
      this.#hasBegun = true;
      this.#video.currentTime = this.#init.liveS;
    }
    if (this.#hasBegun) {
      this.#edge.onArrival(endS, performance.now());
      this.#steer();
    }
  }

  #steer(): void {
    const { paused, seeking, currentTime } = this.#video;
    if (!this.#hasBegun || paused) {
      return;
    }
    const ranges = this.#buffer?.ranges ?? [];
    if (seeking && ranges.some(([startS, endS]) => startS <= currentTime && currentTime <= endS)) {
      const next = ranges.find(([startS]) => startS > currentTime);
      // A decoder that reorders frames may need more than there is before a gap: the seek would never end.
      if (next) {
        this.#video.currentTime = next[0];
      }
      return;
    }
    const steering = this.#edge.steer(currentTime, ranges, performance.now());
    if ('seekToS' in steering) {
      this.#video.currentTime = steering.seekToS;
    } else if (!seeking && this.#video.playbackRate !== steering.rate) {
      this.#video.playbackRate = steering.rate;
    }
  }

  #onStall(): void {
    if (this.#hasBegun && !this.#video.seeking) {
      const endS = this.#buffer?.ranges.at(-1)?.[1] ?? 0;
      this.#edge.onStall(endS - this.#video.currentTime, performance.now());
      this.#steer();
    }
  }
}
