import type { Sample } from '../media/sample/sample.ts';
import { release } from '../media/sample/slab.ts';
import type { Track } from '../media/sample/track.ts';
import { GopCache, type SampleSink } from './gop-cache.ts';

/** A kind of session that reads or publishes. */
export interface PeerKind {
  /** As MediaMTX's API names it: `rtspSession`. */
  readonly apiType: string;
  /** `rtsp` */
  readonly protocol: string;
}

/** A viewer of shared output such as an HLS playlist: listed, but receives no samples. */
export interface Viewer {
  readonly kind: PeerKind;
  readonly id: string;
}

/** A session that receives the stream's pictures at this moment. */
interface Recipient {
  readonly kind: PeerKind;
  readonly id: string;
}

/** One output of a stream. Called synchronously for every sample: it never blocks; it queues within its own byte limit or drops. */
export interface Reader {
  /** Absent for readers that the API does not list: recorder, HLS muxer. */
  readonly kind?: PeerKind;
  readonly id: string;
  /** Keeps a source on demand running; default: whether it has a kind. */
  readonly isAudience?: boolean;
  /**
   * It keeps no sample's data beyond `onSample`, or takes a hold on what it keeps (`media/sample/slab.ts`).
   * While there are readers that do not say so, the memory of samples is left to the collector.
   */
  readonly countsHolds?: boolean;
  onSample(track: number, sample: Sample): void;
  /** The track's parameter sets have changed; called before the key sample that uses them. */
  onTrack(track: number, description: Track): void;
  /** The sender's clock has jumped: times continue, but the time between is known from arrival alone. */
  onDiscontinuity?(track: number): void;
  /** The stream is over, or the reader threw `cause`. It has been removed already. */
  onEnd(cause?: unknown): void;
}

interface StreamOptions {
  /** A group of pictures larger than this is not kept for new readers (8 MB when not said). */
  readonly gopCacheBytes?: number;
  /** Its source runs only while there is a reader, so nothing reads it in advance. */
  readonly isOnDemand?: boolean;
}

/** Of video. */
const TICKS_PER_MS = 90;
/** How a track's pictures are ordered; `begun`: of the first picture it is unknown. */
const ORDER = { unknown: 0, begun: 1, asShown: 2, reordered: 3 } as const;

/**
 * The hub: one source writes, every reader gets each sample at once.
 * A stream lives as long as one connection of its source; a reconnect makes a new one.
 */
export class Stream {
  /** Bytes of sample data that have come in. */
  bytesReceived = 0;
  /** Bytes that outputs have sent to people (counted by them through `countSent`). */
  bytesSent = 0;
  /** Access units that a depacketizer had to drop. */
  framesInError = 0;
  readonly isOnDemand: boolean;
  /** The server that serves them keeps this set. They are no audience: the shared output that they watch is. */
  readonly viewers = new Set<Viewer>();
  /** Told when `audience` has changed while the stream lasts. */
  onAudience: (() => void) | undefined;
  /** Called for each recipient, with the query of its address; the result is called when it receives no more pictures. */
  onRecipient: ((recipient: Recipient, query: string) => () => void) | undefined;
  /**
   * Requests a key frame from the sender. Set by a source that can, which limits the rate of requests.
   * Returns false when it does not pass the wish on this time.
   */
  onKeyFrameWanted: (() => unknown) | undefined;
  readonly #tracks: Track[];
  /** By track: how its pictures are ordered. */
  readonly #orders: Uint8Array;
  readonly #gop: GopCache;
  /** What is called when they receive no more pictures. */
  readonly #recipients = new Map<Recipient, () => void>();
  // Copied on change, so that delivery walks a plain array while readers come and go.
  #readers: readonly Reader[] = [];
  #audience = 0;
  /** Readers that keep samples without saying so. */
  #keepers = 0;
  #isClosed = false;

  constructor(tracks: readonly Track[], options: StreamOptions = {}) {
    this.#tracks = [...tracks];
    this.#orders = new Uint8Array(tracks.length);
    this.isOnDemand = options.isOnDemand ?? false;
    const leading = tracks.findIndex((track) => track.kind === 'video');
    this.#gop = new GopCache(leading, options.gopCacheBytes);
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  get readers(): readonly Reader[] {
    return this.#readers;
  }

  /** How many of the readers have viewers: not the recorder, nor output that is shared by others. */
  get audience(): number {
    return this.#audience;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @param sample one hold on its data goes over to the stream */
  write(track: number, sample: Sample): void {
    this.bytesReceived += sample.data.length;
    this.#noteOrder(track, sample);
    this.#gop.add(track, sample);
    const readers = this.#readers;
    // One that leaves while it is handed the sample may keep it all the same.
    const isKept = this.#keepers > 0;
    for (let i = 0; i < readers.length; i += 1) {
      const reader = readers[i] as Reader;
      try {
        reader.onSample(track, sample);
      } catch (cause) {
        this.#expel(reader, cause);
      }
    }
    if (!isKept) {
      release(sample.data);
    }
  }

  /** Whether the pictures of a video track come out of their order, as far as they have shown; undefined: that is not known yet. */
  hasBFrames(track: number): boolean | undefined {
    const order = this.#orders[track];
    return order === ORDER.asShown || order === ORDER.reordered ? order === ORDER.reordered : undefined;
  }

  /** New parameter sets: written before the key sample that uses them. Kept samples of the old ones are let go. */
  setTrack(track: number, description: Track): void {
    this.#tracks[track] = description;
    this.#gop.clear();
    for (const reader of this.#readers) {
      try {
        reader.onTrack(track, description);
      } catch (cause) {
        this.#expel(reader, cause);
      }
    }
  }

  /** The sender's clock has jumped: written before the first sample behind it, or a few of them later. */
  markDiscontinuity(track: number): void {
    for (const reader of this.#readers) {
      try {
        reader.onDiscontinuity?.(track);
      } catch (cause) {
        this.#expel(reader, cause);
      }
    }
  }

  /**
   * Adds a reader. With `replay` it first gets the samples since the last key frame, so that it can start at once;
   * without, or when nothing is kept, its first video sample may be any: it waits for a key sample itself.
   */
  addReader(reader: Reader, replay: boolean): void {
    if (this.#isClosed) {
      reader.onEnd();
      return;
    }
    this.#readers = [...this.#readers, reader];
    this.#countKeepers();
    this.countAudience();
    if (replay) {
      try {
        this.#gop.replay(reader, reader.countsHolds === true);
      } catch (cause) {
        this.#expel(reader, cause);
      }
    }
  }

  /** Bytes of the samples that a reader is replayed. */
  get keptBytes(): number {
    return this.#gop.bytes;
  }

  /** The longest time between two key samples of its video that the stream has shown, pauses left out; 0: nothing is known yet. */
  get longestGroupMs(): number {
    return this.#gop.longestGroupTicks / TICKS_PER_MS;
  }

  /** How long its running group of pictures lasts already; 0: that is not known. */
  get groupMs(): number {
    return this.#gop.groupTicks / TICKS_PER_MS;
  }

  /** Gives the newest key sample alone, if there is one: a still, where the group since then is too large to be replayed. */
  replayKey(sink: SampleSink): void {
    this.#gop.replayKey(sink);
  }

  removeReader(reader: Reader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
    this.#countKeepers();
    this.countAudience();
  }

  /** It receives pictures from now on: later than it became a reader, where it is waited for. @param query of its address */
  beginRecipient(recipient: Recipient, query: string): void {
    const ended = this.#isClosed || this.#recipients.has(recipient) ? undefined : this.onRecipient?.(recipient, query);
    if (ended) {
      this.#recipients.set(recipient, ended);
    }
  }

  /** Without effect when it receives none. */
  endRecipient(recipient: Recipient): void {
    const ended = this.#recipients.get(recipient);
    this.#recipients.delete(recipient);
    ended?.();
  }

  /** Called also by a reader whose `isAudience` has changed. */
  countAudience(): void {
    const audience = this.#readers.filter(({ kind, isAudience }) => isAudience ?? kind !== undefined).length;
    if (audience !== this.#audience) {
      this.#audience = audience;
      this.onAudience?.();
    }
  }

  #countKeepers(): void {
    this.#keepers = this.#readers.filter(({ countsHolds }) => countsHolds !== true).length;
  }

  /** Lets go of the samples that are kept for new readers: what is written next does not continue them. */
  forgetGroup(): void {
    this.#gop.clear();
  }

  /** A reader cannot begin or continue before the next key frame. @returns whether the source can be asked for one */
  requestKeyFrame(): boolean {
    return this.onKeyFrameWanted !== undefined && this.onKeyFrameWanted() !== false;
  }

  countSent(bytes: number): void {
    this.bytesSent += bytes;
  }

  /** The source is gone: every reader's `onEnd` is called. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    const readers = this.#readers;
    this.#readers = [];
    this.#audience = 0;
    this.#gop.clear();
    for (const reader of readers) {
      reader.onEnd();
    }
    for (const recipient of [...this.#recipients.keys()]) {
      this.endRecipient(recipient);
    }
  }

  /** With B-frames every key sample but a stream's first is decoded some pictures before it is shown; other samples may not be. */
  #noteOrder(track: number, { pts, dts, key }: Sample): void {
    if (pts !== dts) {
      this.#orders[track] = ORDER.reordered;
    } else if (this.#orders[track] === ORDER.unknown) {
      this.#orders[track] = ORDER.begun;
    } else if (key || this.#orders[track] === ORDER.begun) {
      this.#orders[track] = ORDER.asShown;
    }
  }

  #expel(reader: Reader, cause: unknown): void {
    this.removeReader(reader);
    reader.onEnd(cause);
  }
}
