import { ShownClock } from './shown-clock.ts';

/** Runs in the page: see webrtc-listener.ts. */
export interface ListenOptions {
  /** URL of the WHEP endpoint. */
  readonly url: string;
  readonly media: readonly ('video' | 'audio')[];
}

/** A beginning of sound after a quiet time. */
export interface Onset {
  readonly atMs: number;
}

/** A shown picture, with the value of its time bar. */
export interface ShownPicture {
  readonly atMs: number;
  readonly clockMs: number | undefined;
}

export interface HeardReport {
  readonly status: number;
  readonly answer: string;
  /** Value of the header `Perch-Left-Out`; empty: nothing was left out. */
  readonly leftOut: string;
  readonly mimeType: string;
  /** Time from the POST to the first audio that is not silence; undefined: none. */
  readonly firstSoundMs: number | undefined;
  /** RMS level of the last whole second; full scale is 1. */
  readonly loudness: readonly [left: number, right: number];
  /** Frequency in the last whole second, by its zero crossings. */
  readonly frequencyHz: readonly [left: number, right: number];
  /** Page time, as the others'. */
  readonly onsets: readonly Onset[];
  readonly pictures: readonly ShownPicture[];
  readonly stats: Readonly<Record<string, number | string | undefined>>;
}

const BLOCK = 256;
const LOUD = 0.02;
const QUIET_MS = 200;

class Listening {
  readonly peer = new RTCPeerConnection();
  readonly #context = new AudioContext({ latencyHint: 'interactive' });
  readonly #video = document.createElement('video');
  readonly #clock = new ShownClock();
  readonly #channels: Float32Array[];
  #heard = 0;
  #postedMs = 0;
  #firstSoundMs: number | undefined;
  #lastLoudMs = 0;
  readonly #onsets: Onset[] = [];
  readonly #pictures: ShownPicture[] = [];
  #status = 0;
  #answer = '';
  #leftOut = '';

  constructor() {
    this.#channels = [0, 1].map(() => new Float32Array(this.#context.sampleRate));
  }

  async start({ url, media }: ListenOptions): Promise<void> {
    const stream = new MediaStream();
    this.#video.autoplay = true;
    this.#video.width = 160;
    this.#video.srcObject = stream;
    document.body.append(this.#video);
    this.#awaitPicture();
    this.peer.ontrack = ({ track }) => {
      stream.addTrack(track);
      if (track.kind === 'audio') {
        this.#listen(new MediaStream([track]));
      }
    };
    for (const kind of media) {
      this.peer.addTransceiver(kind, { direction: 'recvonly' });
    }
    await this.peer.setLocalDescription(await this.peer.createOffer());
    this.#postedMs = performance.now();
    const headers = { 'Content-Type': 'application/sdp' };
    const response = await fetch(url, { method: 'POST', headers, body: this.peer.localDescription?.sdp ?? '' });
    this.#status = response.status;
    this.#leftOut = response.headers.get('Perch-Left-Out') ?? '';
    this.#answer = await response.text();
    if (response.ok) {
      await this.peer.setRemoteDescription({ type: 'answer', sdp: this.#answer });
    }
  }

  #listen(sound: MediaStream): void {
    const context = this.#context;
    const source = context.createMediaStreamSource(sound);
    // Deprecated for players; here it measures the sound without a second file.
    const tap = context.createScriptProcessor(BLOCK, 2, 2);
    tap.onaudioprocess = ({ inputBuffer, playbackTime }) => {
      const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
      const atMs = performanceTime + (playbackTime - BLOCK / context.sampleRate - contextTime) * 1000;
      this.#take([inputBuffer.getChannelData(0), inputBuffer.getChannelData(1)], atMs);
    };
    source.connect(tap);
    tap.connect(context.destination);
  }

  #take(block: readonly Float32Array[], atMs: number): void {
    for (const [i, values] of block.entries()) {
      const kept = this.#channels[i] as Float32Array;
      kept.copyWithin(0, values.length);
      kept.set(values, kept.length - values.length);
    }
    this.#heard += BLOCK;
    const first = block[0]?.findIndex((value) => Math.abs(value) > LOUD) ?? -1;
    if (first < 0) {
      return;
    }
    const loudMs = atMs + (first / this.#context.sampleRate) * 1000;
    this.#firstSoundMs ??= loudMs - this.#postedMs;
    if (loudMs - this.#lastLoudMs > QUIET_MS) {
      this.#onsets.push({ atMs: loudMs });
    }
    this.#lastLoudMs = atMs;
  }

  #awaitPicture(): void {
    this.#video.requestVideoFrameCallback((_, { expectedDisplayTime }) => {
      const clockMs = this.#clock.read(this.#video);
      this.#pictures.push({ atMs: expectedDisplayTime, clockMs });
      this.#awaitPicture();
    });
  }

  async report(): Promise<HeardReport> {
    const stats = [...(await this.peer.getStats()).values()];
    const inbound = stats.find((item) => item.type === 'inbound-rtp' && item.kind === 'audio') ?? {};
    const [left, right] = this.#channels as [Float32Array, Float32Array];
    return {
      status: this.#status,
      answer: this.#answer,
      leftOut: this.#leftOut,
      mimeType: stats.find((item) => item.id === inbound.codecId)?.mimeType ?? '',
      firstSoundMs: this.#firstSoundMs,
      loudness: [rms(left), rms(right)],
      frequencyHz: [frequency(left), frequency(right)],
      onsets: this.#onsets,
      pictures: this.#pictures,
      stats: inbound,
    };
  }

  async close(): Promise<void> {
    this.peer.close();
    this.#video.remove();
    await this.#context.close();
  }
}

const rms = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/** @param values of one second: each period crosses zero upwards once */
function frequency(values: Float32Array): number {
  let crossings = 0;
  for (let i = 1; i < values.length; i += 1) {
    crossings += (values[i - 1] ?? 0) < 0 && (values[i] ?? 0) >= 0 ? 1 : 0;
  }
  return crossings;
}

const listenings: Listening[] = [];

/** The test's interface; numbers identify listeners. */
const perchListener = {
  listen: async (options: ListenOptions): Promise<number> => {
    const listening = new Listening();
    listenings.push(listening);
    await listening.start(options);
    return listenings.length - 1;
  },
  report: (listening: number) => (listenings[listening] as Listening).report(),
  close: (listening: number) => (listenings[listening] as Listening).close(),
};
export type PerchListener = typeof perchListener;

Object.assign(globalThis, { perchListener });
