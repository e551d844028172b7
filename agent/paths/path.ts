import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Track } from '../media/track.ts';
import type { Source } from '../sources/source.ts';
import { type SourceState, supervise } from '../sources/supervisor.ts';
import type { StreamSink } from '../stream/ingest/stream-sink.ts';
import { Stream } from '../stream/stream.ts';
import { describeTrack, type PathStatus, trackLabels } from './path-status.ts';
import { RateMeter } from './rate-meter.ts';

/** What records a path's streams. */
export interface PathRecorder {
  /** A new stream: recorded until it ends or `stop` is called. */
  start(stream: Stream): void;
  /** Finishes the open file. */
  stop(): Promise<void>;
  readonly status: { readonly active: boolean; readonly error: string | null; readonly since: string | null };
}

export interface PathParts {
  readonly name: string;
  readonly title: string | null;
  /** undefined: nobody is asked for media (a path that waits for a publisher). */
  readonly source: Source | undefined;
  readonly recorder: PathRecorder | undefined;
  /** Called with each new stream. */
  readonly onStream?: (stream: Stream) => void;
}

/** One path: keeps its source running, holds the stream while there is one, and has it recorded. */
export class Path implements StreamSink {
  readonly name: string;
  readonly #parts: PathParts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #rate = new RateMeter();
  #recorder: PathRecorder | undefined;
  #running: Promise<void> | undefined;
  #stream: Stream | undefined;
  #readySince: string | null = null;
  #offlineSince: string | null;
  #state: SourceState['kind'] | null = null;
  #lastError: string | null = null;
  #lastErrorTime: string | null = null;

  constructor(parts: PathParts, clock: Clock, log: Logger) {
    this.name = parts.name;
    this.#parts = parts;
    this.#recorder = parts.recorder;
    this.#clock = clock;
    this.#log = log.child({ path: parts.name });
    this.#offlineSince = this.#now();
  }

  start(): void {
    const { source } = this.#parts;
    if (source) {
      const run = (signal: AbortSignal) => this.#runOnce(source, signal);
      const options = { answers: source.answers?.bind(source) };
      this.#running = supervise(run, (state) => this.#onState(state), this.#clock, this.#stop.signal, options);
    }
  }

  /** Ends the source, its readers and the recording; resolves when the last file is finished. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#closeStream();
    // A source that was just about to deliver may have begun one more file.
    await this.#running;
    await this.#recorder?.stop();
  }

  /** Another recorder, or none: source and readers do not notice. */
  async setRecorder(recorder: PathRecorder | undefined): Promise<void> {
    const old = this.#recorder;
    const stream = this.#stream;
    this.#recorder = recorder;
    await old?.stop();
    // A stream that has come meanwhile was begun when it opened.
    if (stream && this.#stream === stream && this.#recorder === recorder) {
      recorder?.start(stream);
    }
  }

  /** Called by the source when it delivers. */
  open(tracks: readonly Track[]): Stream {
    this.#closeStream();
    const stream = new Stream(tracks);
    this.#stream = stream;
    this.#readySince = this.#now();
    this.#offlineSince = null;
    this.#log.info({ tracks: trackLabels(tracks) }, 'camera is there');
    this.#recorder?.start(stream);
    this.#parts.onStream?.(stream);
    return stream;
  }

  /** @throws PerchError notFound while nothing comes in */
  get stream(): Stream {
    if (!this.#stream) {
      throw new PerchError('notFound', `no stream is available on path '${this.name}'`, { path: this.name });
    }
    return this.#stream;
  }

  /** Reads the byte counter; called about once a second. */
  tick(monoMs: number): void {
    if (this.#stream) {
      this.#rate.tick(this.#stream.bytesReceived, monoMs);
    }
  }

  get status(): PathStatus {
    const stream = this.#stream;
    const since = this.#readySince;
    const received = stream?.bytesReceived ?? 0;
    const sent = stream?.bytesSent ?? 0;
    const tracks = stream?.tracks ?? [];
    const listed = (stream?.readers ?? [])
      .filter(({ type }) => type !== 'hidden')
      .map(({ type, id }) => ({ type, id }));
    listed.sort((a, b) => (a.type + a.id < b.type + b.id ? -1 : 1));
    return {
      name: this.name,
      confName: this.name,
      ready: stream !== undefined,
      readyTime: since,
      available: stream !== undefined,
      availableTime: since,
      online: stream !== undefined,
      onlineTime: since,
      source: this.#parts.source ? { type: this.#parts.source.type, id: '' } : null,
      tracks: trackLabels(tracks),
      tracks2: tracks.map(describeTrack),
      readers: listed,
      inboundBytes: received,
      outboundBytes: sent,
      inboundFramesInError: stream?.framesInError ?? 0,
      bytesReceived: received,
      bytesSent: sent,
      title: this.#parts.title,
      sourceState: this.#state,
      offlineSince: this.#offlineSince,
      lastError: this.#lastError,
      lastErrorTime: this.#lastErrorTime,
      configError: null,
      recording: this.#recorder?.status ?? null,
      bitrate: stream ? this.#rate.bitsPerSecond : 0,
    };
  }

  async #runOnce(source: Source, signal: AbortSignal): Promise<void> {
    try {
      await source.run(this, signal);
    } finally {
      this.#closeStream();
    }
  }

  #closeStream(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#readySince = null;
    this.#offlineSince ??= this.#now();
    this.#rate.reset();
    stream?.close();
  }

  #onState(state: SourceState): void {
    this.#state = state.kind;
    if (state.kind !== 'waiting') {
      return;
    }
    const text = explain(state.cause);
    // Once per change: a camera that is off for a week is one line.
    if (text !== this.#lastError) {
      this.#log.warn({ reason: text }, 'no picture from the camera, trying again');
    }
    this.#lastError = text;
    this.#lastErrorTime = this.#now();
  }

  #now(): string {
    return new Date(this.#clock.wallMs()).toISOString();
  }
}
