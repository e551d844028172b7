import { PerchError } from '../../../base/errors.ts';
import type { Sample } from '../../../media/sample.ts';
import type { Track } from '../../../media/track.ts';
import { storable } from '../../../stream/storable.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';
import type { HlsMuxer, HlsRendition, MediaFile, MuxerOptions } from '../hls-muxer.ts';
import { writeMediaPlaylist, writeMultivariantPlaylist } from '../playlist/media-playlist.ts';
import { hlsRefusal, isMuxed } from './muxable.ts';
import { Rendition } from './rendition.ts';

interface Boundary {
  /** In ticks of the rendition. */
  readonly pts: number;
  /** Length of the segment that ends here. */
  readonly spanS: number;
  /** What follows does not continue it. */
  readonly isDiscontinuous: boolean;
}

/** Cameras' key frames tremble: one that comes a little early still ends its segment. */
const EARLY_KEY_MS = 20;

/**
 * A stream as HLS: the first video track and every audio track that players take, each a rendition of its own, all cut at the same times.
 * It reads the stream as long as it lives.
 */
export class Muxer implements Reader, HlsMuxer {
  readonly type = 'hidden';
  readonly id = 'hls';
  /** One for all who watch over HLS. */
  readonly isAudience = true;
  /** Settles when there is something to play, or fails with what ended the muxer before. */
  readonly ready: Promise<void>;
  bytesSent = 0;
  framesDiscarded = 0;
  readonly #name: string;
  readonly #stream: Stream;
  readonly #options: MuxerOptions;
  readonly #onClosed: (cause: unknown) => void;
  readonly #renditions: readonly Rendition[];
  /** By track of the stream; undefined for tracks that are not muxed. */
  readonly #byTrack: (Rendition | undefined)[];
  readonly #leading: Rendition;
  /** Where renditions other than the leading one close their segments as soon as their samples get there. */
  readonly #boundaries = new Map<Rendition, Boundary>();
  readonly #settle: { resolve(): void; reject(cause: unknown): void };
  #hasStarted = false;
  /** Of the leading rendition's first sample. */
  #startPts = 0;
  /** Until the second key frame: see `#endsSegment`. */
  #isFirstGroup = true;
  /** Parameter sets have changed: the next key frame begins a segment with a new init file. */
  #wantsCut = false;
  #isReady = false;
  #isClosed = false;

  /**
   * @param name of the path, for messages
   * @param stream as the path has it; its storable form is read
   * @param onClosed called once: undefined when the stream ended or `close` was called, else what went wrong
   */
  constructor(name: string, stream: Stream, options: MuxerOptions, onClosed: (cause: unknown) => void) {
    this.#name = name;
    this.#stream = storable(stream);
    this.#options = options;
    this.#onClosed = onClosed;
    this.#byTrack = renditionsOf(this.#stream.tracks, options);
    this.#renditions = this.#byTrack.filter((rendition) => rendition !== undefined);
    const leading = this.#renditions.find(isVideo) ?? this.#renditions[0];
    if (!leading) {
      throw new PerchError('unsupported', hlsRefusal(name, stream), { path: name });
    }
    this.#leading = leading;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settle = { resolve, reject };
    // Not every failure has someone waiting for it.
    promise.catch(() => {});
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Begins with what the stream keeps of its current group. */
  start(): void {
    this.#stream.addReader(this, true);
  }

  close(): void {
    this.#end(undefined);
  }

  /** Those that have something to play. */
  get renditions(): readonly HlsRendition[] {
    const others = this.#renditions.filter((rendition) => rendition !== this.#leading);
    return [this.#leading, ...others.filter(({ playlist }) => playlist !== undefined)];
  }

  multivariantPlaylist(query: string): string {
    const lines = this.renditions.map((rendition) => ({
      name: rendition.name,
      codec: rendition.codecs[0] ?? '',
      video: rendition.picture,
      ...rendition.bitRate(),
    }));
    return writeMultivariantPlaylist(lines, query);
  }

  /** undefined: there is no such rendition, or it has nothing yet. */
  mediaPlaylist(name: string, query: string): string | undefined {
    const rendition = this.#renditions.find((other) => other.name === name);
    return rendition?.playlist && writeMediaPlaylist(rendition.playlist as never, query);
  }

  file(name: string): MediaFile | undefined {
    for (const rendition of this.#renditions) {
      const file = rendition.find(name);
      if (file) {
        return file;
      }
    }
    return undefined;
  }

  awaiting(): undefined {
    return undefined;
  }

  countSent(bytes: number): void {
    this.bytesSent += bytes;
    this.#stream.countSent(bytes);
  }

  onSample(track: number, sample: Sample): void {
    const rendition = this.#byTrack[track];
    if (!rendition || this.#isClosed) {
      return;
    }
    if (rendition === this.#leading) {
      this.#takeLeading(sample);
    } else if (this.#hasStarted) {
      this.#takeFollowing(rendition, sample);
    }
    if (rendition.pendingBytes > this.#options.segmentMaxBytes) {
      const limit = this.#options.segmentMaxBytes;
      const message = `HLS segment of ${rendition.pendingBytes} bytes, at most ${limit}: key frames are too far apart`;
      this.#end(new PerchError('exhausted', message, { path: this.#name }));
    }
  }

  onTrack(track: number, description: Track): void {
    const rendition = this.#byTrack[track];
    if (rendition?.describe(description) === 'needsSegment') {
      this.#wantsCut = true;
    }
  }

  onEnd(cause?: unknown): void {
    this.#end(cause);
  }

  #takeLeading(sample: Sample): void {
    const leading = this.#leading;
    const first = leading.firstPending;
    if (!this.#hasStarted) {
      if (!sample.key) {
        return;
      }
      this.#hasStarted = true;
      this.#startPts = sample.pts;
    } else if (first && this.#endsSegment(first, sample)) {
      this.#cut(first, sample);
    }
    leading.add(sample);
  }

  /**
   * A segment ends before a key frame once it is long enough. In the first group it also ends before any picture that follows none
   * but earlier ones: otherwise the first viewer of a camera with a key frame every 4 s would wait for the next one.
   */
  #endsSegment(first: Sample, sample: Sample): boolean {
    const { clockRate } = this.#leading.track;
    const elapsedMs = ((sample.dts - first.dts) * 1000) / clockRate;
    if (sample.key) {
      return this.#wantsCut || elapsedMs >= this.#options.segmentDurationMs - EARLY_KEY_MS;
    }
    return this.#isFirstGroup && sample.pts === sample.dts && elapsedMs >= this.#options.segmentDurationMs;
  }

  #cut(first: Sample, next: Sample): void {
    const leading = this.#leading;
    const spanS = (next.dts - first.dts) / leading.track.clockRate;
    const isDiscontinuous = this.#wantsCut;
    this.#wantsCut = false;
    this.#isFirstGroup = this.#isFirstGroup && !next.key;
    leading.close(Number.POSITIVE_INFINITY, next.dts, spanS, isDiscontinuous);
    for (const rendition of this.#renditions) {
      if (rendition !== leading) {
        this.#cutFollowing(rendition, { pts: ticksIn(rendition, leading, next.pts), spanS, isDiscontinuous });
      }
    }
    this.#checkReady();
  }

  #takeFollowing(rendition: Rendition, sample: Sample): void {
    if (sample.pts < ticksIn(rendition, this.#leading, this.#startPts)) {
      return;
    }
    const boundary = this.#boundaries.get(rendition);
    if (boundary && sample.pts >= boundary.pts) {
      this.#closeFollowing(rendition, boundary, sample);
    }
    if (!rendition.awaitsSegment) {
      rendition.add(sample);
    }
  }

  #cutFollowing(rendition: Rendition, boundary: Boundary): void {
    const late = this.#boundaries.get(rendition);
    if (late) {
      // A whole segment later its samples have still not come: they will not.
      this.#closeFollowing(rendition, late, undefined);
    }
    this.#boundaries.set(rendition, boundary);
    if ((rendition.lastPending?.pts ?? -1) >= boundary.pts) {
      this.#closeFollowing(rendition, boundary, undefined);
    }
  }

  #closeFollowing(rendition: Rendition, boundary: Boundary, next: Sample | undefined): void {
    this.#boundaries.delete(rendition);
    const endDts = rendition.awaitsSegment ? undefined : next?.dts;
    rendition.close(rendition.countBefore(boundary.pts), endDts, boundary.spanS, boundary.isDiscontinuous);
    this.#checkReady();
  }

  /** One segment is enough to begin; audio that does not come is waited for until there are two. */
  #checkReady(): void {
    if (this.#isReady || this.#leading.segmentsMade === 0) {
      return;
    }
    if (this.#leading.segmentsMade > 1 || this.#renditions.every((rendition) => rendition.segmentsMade > 0)) {
      this.#isReady = true;
      this.#settle.resolve();
    }
  }

  #end(cause: unknown): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#stream.removeReader(this);
    for (const rendition of this.#renditions) {
      rendition.end();
    }
    const text = `the stream on path '${this.#name}' has ended`;
    this.#settle.reject(cause ?? new PerchError('notFound', text, { path: this.#name }));
    this.#onClosed(cause);
  }
}

const isVideo = (rendition: Rendition): boolean => rendition.track.kind === 'video';

/** Both count from one origin. */
function ticksIn(rendition: Rendition, other: Rendition, otherTicks: number): number {
  return (otherTicks * rendition.track.clockRate) / other.track.clockRate;
}

function renditionsOf(tracks: readonly Track[], options: MuxerOptions): (Rendition | undefined)[] {
  const firstVideo = tracks.findIndex((track) => track.kind === 'video' && isMuxed(track));
  let number = 0;
  return tracks.map((track, i) => {
    if (!isMuxed(track) || (track.kind === 'video' && i !== firstVideo)) {
      return undefined;
    }
    number += 1;
    return new Rendition(`${track.kind}${number}`, track, options);
  });
}
