import type { Sample } from '../media/sample/sample.ts';
import { release } from '../media/sample/slab.ts';
import type { Track } from '../media/sample/track.ts';
import { GopCache, type SampleSink } from './gop-cache.ts';

/** A kind of session that reads or publishes. */
export interface PeerKind {
  /** Name in MediaMTX's API: `rtspSession`. */
  readonly apiType: string;
  /** `rtsp` */
  readonly protocol: string;
}

/** The other end of a session. */
export interface Watcher {
  /** Empty: not logged in. */
  readonly user: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly remoteAddr: string;
}

/** A session in lists. Viewers of shared output, such as an HLS playlist, receive no samples. */
export interface Viewer {
  readonly kind: PeerKind;
  readonly id: string;
  readonly watcher?: Watcher | undefined;
}

/** Pictures that viewers get. */
export const PICTURES = { all: 0, keyFrames: 1, none: 2 } as const;
export type Pictures = (typeof PICTURES)[keyof typeof PICTURES];

/** Delay tolerated by readers that write files or whole segments. */
export const FILE_DELAY_MS = 100;

/** One output of a stream. Called synchronously for every sample: it never blocks; it queues within its own byte limit or drops. */
export interface Reader {
  /** Absent for readers that the API does not list: recorder, HLS muxer. */
  readonly kind?: PeerKind;
  readonly id: string;
  /** Keeps a source on demand running; default: whether it has a kind. */
  readonly isAudience?: boolean;
  /**
   * The reader takes a hold on sample data that it keeps after `onSample` (`media/sample/slab.ts`).
   * While any reader of the stream does not, the memory of samples is left to the garbage collector.
   */
  readonly countsHolds?: boolean;
  /** Samples may be delivered this late, which lets a source read less often; default: 0. */
  readonly toleratedDelayMs?: number;
  /** The reader gets no more than the stream's `sparing` allows. */
  readonly mayLosePictures?: boolean;
  onSample(track: number, sample: Sample): void;
  /** The track's parameter sets have changed; called before the key sample that uses them. */
  onTrack(track: number, description: Track): void;
  /** The sender's clock has jumped: times continue by arrival. */
  onDiscontinuity?(track: number): void;
  /** The stream has ended, or the reader threw `cause`. The reader is already removed. */
  onEnd(cause?: unknown): void;
}

interface StreamOptions {
  /** Largest group of pictures that is cached for new readers; default 8 MB. */
  readonly gopCacheBytes?: number;
  /** The source runs only while there are readers, so nothing reads in advance. */
  readonly isOnDemand?: boolean;
}

/** Ticks of the video clock (90 kHz) in a millisecond. */
const TICKS_PER_MS = 90;
/** Order of a track's pictures; `begun`: after the first picture, not known yet. */
const ORDER = { unknown: 0, begun: 1, asShown: 2, reordered: 3 } as const;

/** Pictures for readers with `mayLosePictures`: fewer while the processor is overloaded; all again from a key frame on. */
class SparedPictures {
  pictures: Pictures = PICTURES.all;
  #isThinned = false;

  /** Whether the next picture of the leading track is withheld. */
  withholds(isKey: boolean): boolean {
    const isLess = this.pictures !== PICTURES.all;
    this.#isThinned = isKey ? isLess : this.#isThinned || isLess;
    return this.#isThinned && (!isKey || this.pictures === PICTURES.none);
  }
}

/** Sessions that receive samples. */
class Recipients {
  /** Called for each session that starts to receive samples, with the query of its address; the result is called at its end. */
  onBegin: ((recipient: Viewer, query: string) => () => void) | undefined;
  /** As `onBegin`, for sessions that have a watcher. */
  onWatcher: ((watcher: Watcher) => () => void) | undefined;
  /** With what is called at the end of each. */
  readonly #ends = new Map<Viewer, () => void>();
  /** No more sessions begin. */
  isClosed = false;

  /** The session receives samples from now on, which may be later than `addReader`. @param query of its address */
  begin(recipient: Viewer, query: string): void {
    if (this.isClosed || this.#ends.has(recipient)) {
      return;
    }
    const hasEnded = this.onBegin?.(recipient, query);
    const hasLeft = recipient.watcher && this.onWatcher?.(recipient.watcher);
    if (hasEnded || hasLeft) {
      this.#ends.set(recipient, () => {
        hasEnded?.();
        hasLeft?.();
      });
    }
  }

  /** No effect without `begin`. */
  end(recipient: Viewer): void {
    const ended = this.#ends.get(recipient);
    this.#ends.delete(recipient);
    ended?.();
  }

  endAll(): void {
    for (const recipient of [...this.#ends.keys()]) {
      this.end(recipient);
    }
  }
}

/**
 * One source writes, every reader gets each sample at once.
 * A stream exists for one connection of its source; a reconnect makes a new one.
 */
export class Stream {
  /** Bytes of sample data. */
  bytesReceived = 0;
  /** Bytes sent to viewers, as outputs report them through `countSent`. */
  bytesSent = 0;
  /** Access units dropped by depacketizers. */
  framesInError = 0;
  /** Tracks that the sender announces and does not deliver, and why. */
  leftOut: string | undefined;
  readonly isOnDemand: boolean;
  /** For readers with `mayLosePictures`. */
  readonly sparing = new SparedPictures();
  /** Viewers of shared output, maintained by its server. They do not count as audience: the shared output does. */
  readonly viewers = new Set<Viewer>();
  /** Called when `audience` has changed while the stream is open. */
  onAudience: (() => void) | undefined;
  readonly recipients = new Recipients();
  /**
   * Requests a key frame from the sender. Set by a source that supports it and limits the rate.
   * Returns false if no request was sent.
   */
  onKeyFrameWanted: (() => unknown) | undefined;
  /** Called before a reader is added that tolerates no delay. Set by a source that may be late. */
  onUrgentReader: (() => void) | undefined;
  readonly #tracks: Track[];
  /** Order of pictures, by track. */
  readonly #orders: Uint8Array;
  readonly #gop: GopCache;
  /** Number of the leading video track; -1: no video. */
  readonly #leading: number;
  // Copied on change, so that delivery walks a plain array while readers come and go.
  #readers: readonly Reader[] = [];
  #audience = 0;
  /** Number of readers without `countsHolds`. */
  #retainingReaders = 0;
  #isClosed = false;

  constructor(tracks: readonly Track[], options: StreamOptions = {}) {
    this.#tracks = [...tracks];
    this.#orders = new Uint8Array(tracks.length);
    this.isOnDemand = options.isOnDemand ?? false;
    this.#leading = tracks.findIndex((track) => track.kind === 'video');
    this.#gop = new GopCache(this.#leading, options.gopCacheBytes);
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  get readers(): readonly Reader[] {
    return this.#readers;
  }

  /** Readers that keep the source running: not the recorder, nor derived streams without readers. */
  get audience(): number {
    return this.#audience;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @param sample the stream takes over one hold on its data */
  write(track: number, sample: Sample): void {
    this.bytesReceived += sample.data.length;
    this.#noteOrder(track, sample);
    this.#gop.add(track, sample);
    const readers = this.#readers;
    // Before delivery: a reader that leaves during the call may keep the sample.
    const isKept = this.#retainingReaders > 0;
    const isSpared = track === this.#leading && this.sparing.withholds(sample.key);
    for (let i = 0; i < readers.length; i += 1) {
      const reader = readers[i] as Reader;
      if (isSpared && reader.mayLosePictures === true) {
        continue;
      }
      try {
        reader.onSample(track, sample);
      } catch (cause) {
        this.#disconnect(reader, cause);
      }
    }
    if (!isKept) {
      release(sample.data);
    }
  }

  /** Whether pictures of a video track are reordered, or undefined if not yet known. */
  hasBFrames(track: number): boolean | undefined {
    const order = this.#orders[track];
    return order === ORDER.asShown || order === ORDER.reordered ? order === ORDER.reordered : undefined;
  }

  /** New parameter sets, before the key sample that uses them. Drops the cached group. */
  setTrack(track: number, description: Track): void {
    this.#tracks[track] = description;
    this.#gop.clear();
    for (const reader of this.#readers) {
      try {
        reader.onTrack(track, description);
      } catch (cause) {
        this.#disconnect(reader, cause);
      }
    }
  }

  /** The sender's clock has jumped. Called before the first sample after it, or a few later. */
  markDiscontinuity(track: number): void {
    for (const reader of this.#readers) {
      try {
        reader.onDiscontinuity?.(track);
      } catch (cause) {
        this.#disconnect(reader, cause);
      }
    }
  }

  /**
   * Adds a reader. With `replay` it first gets the samples since the last key frame, so that it can start at once.
   * Without, or without a cached group, it waits for a key sample itself.
   */
  addReader(reader: Reader, replay: boolean): void {
    if (this.#isClosed) {
      reader.onEnd();
      return;
    }
    if ((reader.toleratedDelayMs ?? 0) === 0) {
      this.onUrgentReader?.();
    }
    this.#readers = [...this.#readers, reader];
    this.#countKeepers();
    this.countAudience();
    if (replay) {
      try {
        this.#gop.replay(reader, reader.countsHolds === true);
      } catch (cause) {
        this.#disconnect(reader, cause);
      }
    }
  }

  /** The delay that every reader tolerates; infinite without readers. */
  get toleratedDelayMs(): number {
    return this.#readers.reduce(
      (minMs, reader) => Math.min(minMs, reader.toleratedDelayMs ?? 0),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Size of the cached group. */
  get keptBytes(): number {
    return this.#gop.bytes;
  }

  /** Longest time between two key samples of the video so far, without pauses; 0: not known. */
  get longestGroupMs(): number {
    return this.#gop.longestGroupTicks / TICKS_PER_MS;
  }

  /** Current length of the group of pictures; 0: not known. */
  get groupMs(): number {
    return this.#gop.groupTicks / TICKS_PER_MS;
  }

  /** Pictures per second of the video, measured in the current group, or undefined if it is too short. */
  get fps(): number | undefined {
    return this.#gop.fps;
  }

  /** Delivers only the newest key sample, if any: a still, when the group is too large to be replayed. */
  replayKey(sink: SampleSink): void {
    this.#gop.replayKey(sink);
  }

  /** Delivers the group of pictures so far, if it is kept. The sink copies what it keeps. */
  replayGroup(sink: SampleSink): void {
    this.#gop.replay(sink, true);
  }

  removeReader(reader: Reader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
    this.#countKeepers();
    this.countAudience();
  }

  /** Also called by a reader whose `isAudience` has changed. */
  countAudience(): void {
    const audience = this.#readers.filter(({ kind, isAudience }) => isAudience ?? kind !== undefined).length;
    if (audience !== this.#audience) {
      this.#audience = audience;
      this.onAudience?.();
    }
  }

  #countKeepers(): void {
    this.#retainingReaders = this.#readers.filter(({ countsHolds }) => countsHolds !== true).length;
  }

  /** Drops the cached group: the next samples do not continue it. */
  forgetGroup(): void {
    this.#gop.clear();
  }

  /** A reader needs a key frame. @returns whether one was requested from the source */
  requestKeyFrame(): boolean {
    return this.onKeyFrameWanted !== undefined && this.onKeyFrameWanted() !== false;
  }

  countSent(bytes: number): void {
    this.bytesSent += bytes;
  }

  /** Calls every reader's `onEnd`. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.recipients.isClosed = true;
    const readers = this.#readers;
    this.#readers = [];
    this.#audience = 0;
    this.#gop.clear();
    for (const reader of readers) {
      reader.onEnd();
    }
    this.recipients.endAll();
  }

  /** With B-frames every key sample except a stream's first has dts < pts; other samples may not. */
  #noteOrder(track: number, { pts, dts, key }: Sample): void {
    if (pts !== dts) {
      this.#orders[track] = ORDER.reordered;
    } else if (this.#orders[track] === ORDER.unknown) {
      this.#orders[track] = ORDER.begun;
    } else if (key || this.#orders[track] === ORDER.begun) {
      this.#orders[track] = ORDER.asShown;
    }
  }

  #disconnect(reader: Reader, cause: unknown): void {
    this.removeReader(reader);
    reader.onEnd(cause);
  }
}
