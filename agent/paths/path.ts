import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import type { Logger } from '../base/log.ts';
import type { Destination } from '../config/schema/forward.ts';
import type { Track } from '../media/sample/track.ts';
import type { Publication, Publisher } from '../stream/contracts.ts';
import { type Pictures, Stream } from '../stream/stream.ts';
import type { AlwaysAvailable } from './always-available/always-available.ts';
import { OnDemand } from './on-demand.ts';
import { type ForwardItem, PathForwards } from './path-forwards.ts';
import { HookCalls } from './path-hooks.ts';
import type { PathOrigin, PathParts, PathTraits } from './path-parts.ts';
import { PathPublisher } from './path-publisher.ts';
import {
  describeStatistics,
  describeStream,
  hasBFrames,
  type PathRecorder,
  type PathStatus,
  type RecordingFacts,
  trackLabels,
} from './path-status.ts';
import { PathTalk } from './path-talk.ts';
import { SourceRunner } from './source-runner.ts';

/** Nothing else counts of a path without a recorder. */
const NOT_RECORDED = {
  ...{ ready: false, paused: false, privacy: false, sourceOnDemand: false },
  ...{ bytesReceived: 0, recording: null },
};
const NO_STREAM: Partial<Record<PathOrigin['kind'], string>> = {
  paused: ': its camera is paused',
  private: ': its camera is private in the present mode',
};

/** One path: pulls its source or accepts a publisher, holds the stream, and has it recorded. */
export class Path {
  readonly name: string;
  readonly talk: PathTalk;
  /** After `stop`: resolves when source and hooks have ended; does not wait for the disk. */
  released: Promise<void> = Promise.resolve();
  readonly #parts: PathParts;
  #traits: PathTraits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #runner: SourceRunner | undefined;
  readonly #onDemand: OnDemand | undefined;
  readonly #hooks: HookCalls;
  readonly #forwards: PathForwards | undefined;
  readonly #rate = new RateMeter();
  #recorder: PathRecorder | undefined;
  readonly #publisher: PathPublisher;
  readonly #always: AlwaysAvailable | undefined;
  /** What readers get. */
  #stream: Stream | undefined;
  /** What the source or publisher writes: the same stream, unless the path is always available. */
  #live: Stream | undefined;
  /** Whether the previous stream had B-frames, or undefined if unknown. */
  #hadBFrames: boolean | undefined;
  #readySince: string | null = null;
  #onlineSince: string | null = null;
  #offlineSince: string | null;
  #isStopped = false;

  constructor(parts: PathParts, clock: Clock, log: Logger) {
    const { origin } = parts;
    this.name = parts.name;
    this.#parts = parts;
    this.#traits = parts;
    this.#recorder = parts.recorder;
    this.#hooks = new HookCalls(parts.hooks, () => this.#reportIdle());
    this.#clock = clock;
    this.#log = log.child({ path: parts.name });
    this.#forwards = parts.makeForwarder && new PathForwards(parts.makeForwarder, clock, this.#log);
    this.#offlineSince = this.#now();
    const hasStream = origin.kind === 'pulled' || origin.kind === 'publisher';
    this.#always = hasStream ? parts.makeAlwaysAvailable?.((stream) => this.#opened(stream)) : undefined;
    this.#publisher = new PathPublisher(parts.name, () => this.#traits.origin, {
      publisherChanged: () => {
        this.#onDemand?.sourceReplaced();
        this.#closeStream();
      },
      streamOpened: (tracks) => this.#openStream(tracks),
      publisherLeft: () => {
        this.#closeStream();
        this.#reportIdle();
      },
    });
    this.talk = new PathTalk(
      parts.name,
      () => this.#runner?.loudspeaker,
      () => this.#reportIdle(),
    );
    if (origin.kind === 'pulled') {
      this.#runner = new SourceRunner(origin.source, this.#runnerOwner(), clock, this.#log, parts.former);
    }
    if ('onDemand' in origin) {
      this.#onDemand = origin.onDemand && new OnDemand(origin.onDemand, this.#onDemandOwner(this.#runner), clock);
    }
  }

  /** Starts the source, unless it is on demand. */
  start(): void {
    this.#hooks.begin();
    const opening = this.#always?.start();
    if (opening) {
      // The source waits for the clip, whose tracks become those of the stream.
      void opening.then(() => this.#startSource());
    } else {
      this.#startSource();
    }
  }

  #startSource(): void {
    if (!this.#onDemand && !this.#isStopped) {
      this.#runner?.start('');
    }
  }

  /** Ends the source or the publisher, its readers and the recording; resolves when the last file is finished. */
  async stop(): Promise<void> {
    const reason = `path '${this.name}' was removed or changed`;
    this.#isStopped = true;
    this.#publisher.replace(reason, 'configuration');
    this.talk.close(reason);
    this.#onDemand?.close();
    this.#closeStream();
    this.#ended(this.#always?.stream);
    this.#always?.close();
    const sourceGone = this.#runner?.stop();
    const forwardsGone = this.#forwards?.close();
    this.released = Promise.all([sourceGone, forwardsGone]).then(() => this.#hooks.end());
    // The source may have opened a stream, and the recorder a file, in the meantime.
    await sourceGone;
    await Promise.all([this.#recorder?.stop(), this.released]);
  }

  /** Applies settings for the next reader or publisher. */
  follow(traits: PathTraits): void {
    this.#traits = traits;
    if ('onDemand' in traits.origin && traits.origin.onDemand) {
      this.#onDemand?.setTimes(traits.origin.onDemand);
    }
  }

  /** Source and readers are unaffected, and so are destinations that stay in the list. */
  setForwards(destinations: readonly Destination[]): void {
    this.#forwards?.follow(destinations);
  }

  get forwards(): readonly ForwardItem[] {
    return this.#forwards?.items ?? [];
  }

  /** Replaces the recorder; source and readers are unaffected. */
  async setRecorder(recorder: PathRecorder | undefined): Promise<void> {
    const old = this.#recorder;
    const stream = this.#live;
    this.#recorder = recorder;
    await old?.stop();
    // For a newer stream `#openStream` has already started the recorder.
    if (stream && this.#live === stream && this.#recorder === recorder) {
      recorder?.start(stream);
    }
  }

  /**
   * The stream for another reader; starts a source on demand.
   * @param query of the reader's address
   * @throws PerchError notFound without a stream, timeout if a source on demand does not start, exhausted
   */
  async open(query: string): Promise<Stream> {
    const stream = this.#stream ?? (await this.#onDemand?.request(query));
    if (!stream) {
      const reason = NO_STREAM[this.#traits.origin.kind] ?? '';
      throw new PerchError('notFound', `no stream is available on path '${this.name}'${reason}`, { path: this.name });
    }
    const { maxReaders } = this.#traits;
    if (maxReaders > 0 && stream.audience >= maxReaders) {
      const message = `maximum reader count reached: path '${this.name}' has ${maxReaders}`;
      throw new PerchError('exhausted', message, { path: this.name });
    }
    this.#onDemand?.touch(stream.audience);
    return stream;
  }

  /** As `PathPublisher.mayPublish`. */
  mayPublish(): ReturnType<PathPublisher['mayPublish']> {
    return this.#publisher.mayPublish();
  }

  publish(publisher: Publisher): Publication {
    return this.#publisher.publish(publisher);
  }

  get stream(): Stream | undefined {
    return this.#stream;
  }

  get hasStream(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether no source, publisher, request, talk, or hook of one of them is active. */
  get isIdle(): boolean {
    const { kind } = this.#parts.origin;
    if (!this.talk.isIdle || this.#hooks.isBusy) {
      return false;
    }
    if (kind === 'pulled') {
      return this.#onDemand?.isInitial === true && this.#runner?.isStopped === true;
    }
    return this.#publisher.current === undefined && this.#onDemand?.isInitial !== false;
  }

  get isRecorded(): boolean {
    return this.#recorder !== undefined && this.#stream !== undefined;
  }

  /** Reads the byte counter; called about once a second. @param pictures that viewers get */
  tick(monoMs: number, pictures: Pictures): void {
    if (this.#stream) {
      this.#stream.sparing.pictures = pictures;
    }
    if (this.#live) {
      this.#rate.tick(this.#live.bytesReceived, monoMs);
    }
  }

  /** Why the source failed, or undefined if it did not. */
  get sourceFault(): unknown {
    return this.#runner?.cause;
  }

  get recordingStatus(): RecordingFacts {
    return this.#recorder
      ? { ...this.status, faults: this.#runner?.faults ?? 0 }
      : { name: this.name, ...NOT_RECORDED };
  }

  get status(): PathStatus {
    const stream = this.#stream;
    const statistics = this.#runner?.statistics;
    return {
      name: this.name,
      confName: this.#traits.confName,
      ...describeStream(stream, this.#readySince),
      online: this.#live !== undefined,
      onlineTime: this.#onlineSince,
      source: this.#sourceStatus,
      title: this.#traits.title,
      order: this.#traits.order ?? null,
      paused: this.#traits.origin.kind === 'paused',
      pausedUntil: this.#traits.pausedUntil ?? null,
      privacy: this.#traits.origin.kind === 'private',
      sourceState: this.#runner?.state ?? null,
      sourceOnDemand: this.#onDemand !== undefined,
      sourceStatistics: statistics ? describeStatistics(statistics) : null,
      clockOffsetMs: statistics?.clockOffsetMs ?? null,
      offlineSince: this.#offlineSince,
      lastError: this.#runner?.lastError ?? null,
      lastErrorWhy: this.#runner?.lastErrorWhy ?? null,
      lastErrorTime: this.#runner?.lastErrorTime ?? null,
      configError: null,
      recording: this.#recorder?.status ?? null,
      bitrate: this.#live ? this.#rate.bitsPerSecond : 0,
      talk: this.talk.state,
      webrtcSilence: this.#parts.noAudioReason?.(stream?.tracks ?? []) ?? null,
      hasBFrames: this.hasBFrames ?? null,
      box: this.#parts.box?.() ?? null,
    };
  }

  /** Whether the video has B-frames, or had them when it was last online, or undefined if unknown. */
  get hasBFrames(): boolean | undefined {
    return hasBFrames(this.#stream) ?? this.#hadBFrames;
  }

  get #sourceStatus(): PathStatus['source'] {
    const publisher = this.#publisher.current;
    if (publisher) {
      return { type: publisher.kind.apiType, id: publisher.id };
    }
    if (this.#parts.origin.kind === 'redirect') {
      return { type: 'redirect', id: '' };
    }
    return this.#runner ? { type: this.#runner.type, id: '' } : null;
  }

  #runnerOwner() {
    return {
      sourceOpened: (tracks: readonly Track[]) => this.#openStream(tracks),
      sourceClosed: () => this.#closeStream(),
      sourceFailed: (reason: string) => this.#publishEvent('camera', { state: 'failed', reason }),
      sourceAway: (cause: PerchError) => this.#onDemand?.sourceAway(cause),
      sourceStopped: () => this.#reportIdle(),
    };
  }

  /** @param runner undefined if a hook starts the publisher */
  #onDemandOwner(runner: SourceRunner | undefined) {
    return {
      name: this.name,
      startSource: (query: string) => (runner ? runner.start(query) : this.#hooks.demand(query)),
      stopSource: (isUnread: boolean) => {
        if (isUnread) {
          this.#log.info(`no readers, ${runner ? 'camera disconnected' : 'publisher stopped'}`);
        }
        void runner?.stop();
        this.#hooks.endDemand();
        this.#publisher.replace(`path '${this.name}' has no readers`, 'configuration');
        this.#closeStream();
      },
      get sourceFault() {
        return runner?.cause;
      },
      get heldMs() {
        return runner?.heldMs ?? 0;
      },
    };
  }

  #openStream(tracks: readonly Track[]): Stream {
    this.#onDemand?.sourceReplaced();
    this.#closeStream();
    const live = new Stream(tracks, { isOnDemand: this.#onDemand !== undefined });
    this.#live = live;
    this.#onlineSince = this.#now();
    this.#offlineSince = null;
    this.#log.info(
      { tracks: trackLabels(tracks) },
      this.#publisher.current ? 'publisher connected' : 'camera connected',
    );
    if (!this.#publisher.current) {
      this.#publishEvent('camera', { state: 'connected' });
    }
    this.#recorder?.start(live);
    if (this.#always) {
      this.#always.join(live);
    } else {
      this.#opened(live);
    }
    this.#hooks.online(this.#hookSource);
    this.#onDemand?.streamOpened(live);
    return live;
  }

  /** Makes a stream available to readers. */
  #opened(stream: Stream): void {
    this.#ended(this.#stream);
    stream.onAudience = () => this.#onDemand?.audienceChanged(stream.audience);
    this.#stream = stream;
    this.#readySince = this.#now();
    this.#publishEvent('path', { state: 'available', tracks: trackLabels(stream.tracks) });
    this.#parts.onStream?.(stream);
    this.#hooks.available(stream, this.#hookSource);
    this.#forwards?.start(stream);
  }

  #closeStream(): void {
    const live = this.#live;
    this.#hadBFrames = this.hasBFrames;
    this.#live = undefined;
    this.#onlineSince = null;
    this.#offlineSince ??= this.#now();
    this.#rate.reset();
    this.#hooks.offline();
    if (!this.#always) {
      this.#ended(live);
    }
    live?.close();
    if (live) {
      this.#onDemand?.streamClosed();
    }
  }

  /** Closes the stream for its readers. */
  #ended(stream: Stream | undefined): void {
    this.#stream = undefined;
    this.#readySince = null;
    stream?.close();
    this.#hooks.unavailable();
    this.#forwards?.stop();
    if (stream) {
      this.#publishEvent('path', { state: 'unavailable' });
    }
  }

  #reportIdle(): void {
    if (this.isIdle) {
      this.#parts.onIdle?.();
    }
  }

  get #hookSource() {
    return { ...(this.#sourceStatus ?? { type: '', id: '' }), query: this.#publisher.current?.query ?? '' };
  }

  #publishEvent(...[type, fields]: Parameters<PublishEvent>): void {
    this.#parts.publishEvent?.(type, { path: this.name, ...fields });
  }

  #now(): string {
    return new Date(this.#clock.wallMs()).toISOString();
  }
}

/** Bits per second of a byte counter, smoothed over a few seconds. */
class RateMeter {
  #lastBytes = 0;
  #lastMs: number | undefined;
  #bitsPerSecond = 0;

  get bitsPerSecond(): number {
    return Math.round(this.#bitsPerSecond);
  }

  /** @param bytes the counter; a lower value than before: it has restarted */
  tick(bytes: number, monoMs: number): void {
    if (this.#lastMs !== undefined && monoMs > this.#lastMs) {
      const grown = bytes >= this.#lastBytes ? bytes - this.#lastBytes : bytes;
      const now = (grown * 8000) / (monoMs - this.#lastMs);
      // Smooths seconds with a key frame, which have more bytes. The half-life is about two ticks.
      this.#bitsPerSecond = this.#bitsPerSecond === 0 ? now : 0.7 * this.#bitsPerSecond + 0.3 * now;
    }
    this.#lastBytes = bytes;
    this.#lastMs = monoMs;
  }

  reset(): void {
    this.#lastBytes = 0;
    this.#lastMs = undefined;
    this.#bitsPerSecond = 0;
  }
}
