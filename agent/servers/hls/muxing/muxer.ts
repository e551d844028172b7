import { PerchError } from '../../../base/errors.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { containerStream } from '../../../stream/container-stream.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../../../stream/stream.ts';
import type { HlsMuxer, HlsRendition, MediaFile, MuxerOptions, PlaylistEnd } from '../contracts/hls-muxer.ts';
import { FollowingRendition } from './following-rendition.ts';
import { hlsRefusal, isMuxed } from './muxable.ts';
import { Rendition } from './rendition.ts';
import { SegmentBoundaries, type Step } from './segment-boundaries.ts';
import { SegmentClock } from './segment-clock.ts';

/** The muxer is ready without an audio track that is missing for this long after the first segment. */
const PATIENCE_S = 1;
/** Samples may be late by this share of a part's duration. */
const PART_SHARE = 0.25;
/** With more players no delay is tolerated: answering all of them takes long enough, so the last one gets its part late already. */
const MAX_DELAYED_PLAYERS = 100;
/** Shortest first segment cut from the cached GOP, in segment durations. A shorter rest stays in one segment with the GOP's end. */
const MIN_KEPT = 0.2;

/**
 * A stream as HLS in fragmented MP4, with or without parts: the first video track and every supported audio track, each
 * a rendition, all cut at the same times.
 */
export class Muxer implements Reader, HlsMuxer {
  readonly id = 'hls';
  readonly countsHolds = true;
  readonly isAudience = true;
  readonly ready: Promise<void>;
  bytesSent = 0;
  readonly #name: string;
  readonly #stream: Stream;
  readonly #options: MuxerOptions;
  readonly #onClosed: (cause: unknown) => void;
  /** Renditions by track of the stream, or undefined if not muxed. */
  readonly #byTrack: (Rendition | undefined)[];
  readonly #leading: Rendition;
  /** Following renditions by track of the stream. */
  readonly #followers: (FollowingRendition | undefined)[];
  readonly #boundaries: SegmentBoundaries;
  readonly #clock = new SegmentClock();
  readonly #settle: { resolve(): void; reject(cause: unknown): void };
  #hasStarted = false;
  #isReplay = false;
  /** Presentation minus decode time of the leading rendition's first sample. */
  #offset = 0;
  /** Start of the current segment, end of the first one. */
  #startDts = 0;
  #firstEndDts: number | undefined;
  /** Parameter sets have changed: the next key frame starts a segment with a new init file. */
  #wantsCut = false;
  /** Dropped samples of the leading track. */
  #discarded = 0;
  #isReady = false;
  #isClosed = false;

  /**
   * @param name of the path
   * @param stream of the path; its container stream is read
   * @param onClosed called once: undefined if the stream ended or `close` was called, else the error
   */
  constructor(name: string, stream: Stream, options: MuxerOptions, onClosed: (cause: unknown) => void) {
    this.#name = name;
    this.#stream = containerStream(stream);
    this.#options = options;
    this.#onClosed = onClosed;
    this.#byTrack = renditionsOf(this.#stream.tracks, options, this.#clock);
    const leading =
      this.#byTrack.find((one) => one?.kind === 'video') ?? this.#byTrack.find((one) => one !== undefined);
    if (!leading) {
      throw new PerchError('unsupported', hlsRefusal(name, stream), { path: name });
    }
    this.#leading = leading;
    this.#followers = this.#byTrack.map((one) => (one && one !== leading ? new FollowingRendition(one) : undefined));
    this.#boundaries = new SegmentBoundaries({
      clockRate: leading.track.clockRate,
      segmentDurationMs: options.segmentDurationMs,
      longestGroupMs: () => Math.max(options.longestGroupMs ?? 0, stream.longestGroupMs),
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settle = { resolve, reject };
    // `ready` may have no handler: its rejection must not count as unhandled.
    promise.catch(() => {});
  }

  /** Players are whole segments behind, or three parts; the first segment is waited for. */
  get toleratedDelayMs(): number {
    if (!this.#isReady) {
      return 0;
    }
    const { variant, partDurationMs, playerCount } = this.#options;
    if (variant !== 'lowLatency') {
      return FILE_DELAY_MS;
    }
    return (playerCount?.() ?? 0) > MAX_DELAYED_PLAYERS ? 0 : partDurationMs * PART_SHARE;
  }

  get framesDiscarded(): number {
    return this.#followers.reduce((sum, follower) => sum + (follower?.discarded ?? 0), this.#discarded);
  }

  get playlistEnd(): PlaylistEnd {
    return this.#leading.playlistEnd;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The leading rendition, and the others that have segments. */
  get renditions(): readonly HlsRendition[] {
    const begun = this.#byTrack.filter(
      (one) => one !== undefined && one !== this.#leading && one.playlist !== undefined,
    );
    return [this.#leading, ...(begun as Rendition[])];
  }

  /** Starts with the stream's cached GOP: the first segment, if it is long enough. */
  start(): void {
    this.#isReplay = true;
    this.#stream.addReader(this, true);
    this.#isReplay = false;
    if (!this.#hasStarted) {
      this.#stream.requestKeyFrame();
    } else if (!this.#isClosed && this.#firstEndDts === undefined) {
      this.#endReplay();
    }
  }

  close(): void {
    this.#end(undefined);
  }

  file(name: string): MediaFile | undefined {
    for (const rendition of this.#byTrack) {
      const file = rendition?.file(name);
      if (file) {
        return file;
      }
    }
    return undefined;
  }

  awaiting(name: string): HlsRendition | undefined {
    return this.#byTrack.find((rendition) => rendition?.nextPartName === name);
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
    } else {
      this.#followers[track]?.take(sample);
    }
    if (rendition.runningBytes > this.#options.segmentMaxBytes) {
      const text = `HLS segment of ${rendition.runningBytes} bytes, at most ${this.#options.segmentMaxBytes} (hlsSegmentMaxSize)`;
      this.#end(new PerchError('exhausted', text, { path: this.#name }));
    }
  }

  onTrack(track: number, description: Track): void {
    if (this.#byTrack[track]?.describe(description) === 'needsSegment') {
      this.#wantsCut = true;
    }
  }

  onDiscontinuity(track: number): void {
    // A discontinuity of another rendition needs no segment: it is cut at the leading one's boundaries.
    if (this.#byTrack[track] === this.#leading && this.#hasStarted) {
      this.#wantsCut = true;
    }
  }

  onEnd(cause?: unknown): void {
    this.#end(cause);
  }

  #takeLeading(sample: Sample): void {
    const { pending } = this.#leading;
    const step = this.#stepBefore(sample);
    if (step === 'wait' || !pending.append(sample)) {
      this.#discarded += this.#hasStarted || this.#firstEndDts !== undefined ? 1 : 0;
      return;
    }
    if (!this.#hasStarted) {
      this.#begin(sample);
    } else if (step === 'cutBefore') {
      this.#cut(pending.count - 2);
      if (this.#boundaries.stepBefore(sample, this.#wantsCut, this.#isReplay) === 'cut') {
        this.#cut(pending.count - 1);
      }
    } else if (step === 'cut') {
      this.#cut(pending.count - 1);
    }
    this.#boundaries.took(sample);
    this.#leading.closeParts(Number.POSITIVE_INFINITY);
    for (const follower of this.#followers) {
      follower?.advance(this.#ticksIn(follower.rendition, sample.dts));
    }
    this.#checkReady();
  }

  #stepBefore(sample: Sample): Step {
    if (this.#leading.awaitsSegment && !sample.key) {
      return 'wait';
    }
    const step = this.#boundaries.stepBefore(sample, this.#wantsCut, this.#isReplay);
    if (step !== 'break') {
      return step;
    }
    this.#break();
    return this.#boundaries.stepBefore(sample, this.#wantsCut, this.#isReplay);
  }

  #begin(sample: Sample): void {
    this.#hasStarted = true;
    this.#startDts = sample.dts;
    this.#offset = sample.pts - sample.dts;
    for (const follower of this.#followers) {
      follower?.resume(this.#ticksIn(follower.rendition, sample.dts));
    }
  }

  /** Ends the segment before the pending sample `count`. */
  #cut(count: number): void {
    const next = this.#leading.pending.at(count) as Sample;
    const isDiscontinuous = this.#wantsCut && next.key;
    this.#wantsCut = this.#wantsCut && !isDiscontinuous;
    this.#firstEndDts ??= next.dts;
    // Also for the first segment: its end gives a better estimate of arrival times than its start.
    this.#clock.begins(next, this.#leading.track.clockRate);
    this.#endSegment(count, next, isDiscontinuous, false);
    this.#startDts = next.dts;
  }

  /** The leading track paused for longer than a segment may be. */
  #break(): void {
    const { pending } = this.#leading;
    const endDts = (pending.last?.dts ?? this.#startDts) + Math.max(1, pending.usualTicks);
    if (this.#firstEndDts === undefined) {
      this.#dropAll();
    } else {
      this.#wantsCut = false;
      this.#endSegment(pending.count, { dts: endDts, key: false }, true, true);
    }
    this.#hasStarted = false;
    this.#boundaries.broke();
    this.#stream.requestKeyFrame();
  }

  /** @param next first sample of the next segment */
  #endSegment(count: number, next: Pick<Sample, 'dts' | 'key'>, isDiscontinuous: boolean, isBreak: boolean): void {
    const endDts = next.dts;
    const spanS = (endDts - this.#startDts) / this.#leading.track.clockRate;
    this.#boundaries.ended(endDts, next.key);
    const { targetDurationS } = this.#boundaries;
    this.#leading.closeSegment({ count, endDts, spanS, nextIsDiscontinuous: isDiscontinuous, targetDurationS });
    for (const follower of this.#followers) {
      const pts = follower ? this.#ticksIn(follower.rendition, endDts) : 0;
      follower?.reach({ pts, spanS, isDiscontinuous, isBreak, targetDurationS });
    }
  }

  /**
   * The cached GOP also ends where the audio ends, so that audio is available at once. Its last moments are a segment
   * in parts: hls.js continues by parts from there, and miscounts many parts in a whole segment.
   */
  #endReplay(): void {
    let heardS = Number.POSITIVE_INFINITY;
    for (const follower of this.#followers) {
      const last = follower?.rendition.pending.last;
      if (follower && last) {
        heardS = Math.min(heardS, last.pts / follower.rendition.track.clockRate);
      }
    }
    const { pending, track } = this.#leading;
    const lastS = ((pending.last?.dts ?? 0) + this.#offset) / track.clockRate;
    const { segmentDurationMs, variant } = this.#options;
    const untilS = this.#segmentEnd(heardS, segmentDurationMs) > 0 ? Math.min(heardS, lastS) : lastS;
    if (variant === 'lowLatency') {
      this.#cutUntil(untilS - segmentDurationMs / 1000, MIN_KEPT * segmentDurationMs);
    }
    this.#cutUntil(untilS, segmentDurationMs);
    this.#leading.closeParts(Number.POSITIVE_INFINITY);
    this.#checkReady();
  }

  #cutUntil(untilS: number, minMs: number): void {
    const count = this.#segmentEnd(untilS, minMs);
    if (count > 0) {
      this.#cut(count);
    }
  }

  /**
   * The latest end of a segment in the cached GOP, as a number of pending samples; 0: none.
   * @param untilS presentation time
   * @param minMs minimum duration
   */
  #segmentEnd(untilS: number, minMs: number): number {
    const { pending, track } = this.#leading;
    for (let count = pending.count - 1; count > 0; count -= 1) {
      const { dts } = pending.at(count) as Sample;
      if (!this.#boundaries.mayEnd(dts, minMs)) {
        return 0;
      }
      if ((dts + this.#offset) / track.clockRate <= untilS) {
        return count;
      }
    }
    return 0;
  }

  #dropAll(): void {
    for (const rendition of this.#byTrack) {
      rendition?.pending.drop(rendition.pending.count);
    }
  }

  /** One segment is enough to start; audio is awaited a little longer. */
  #checkReady(): void {
    if (this.#isReady || this.#firstEndDts === undefined) {
      return;
    }
    const waited = (this.#leading.pending.last?.dts ?? 0) - this.#firstEndDts;
    const isComplete = this.#byTrack.every((rendition) => !rendition || rendition.playlist !== undefined);
    if (isComplete || waited >= PATIENCE_S * this.#leading.track.clockRate) {
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
    for (const rendition of this.#byTrack) {
      rendition?.end();
    }
    const text = `the stream on path '${this.#name}' has ended`;
    this.#settle.reject(cause ?? new PerchError('notFound', text, { path: this.#name }));
    this.#onClosed(cause);
  }

  /** Presentation time of a leading decode time, in ticks of another rendition. */
  #ticksIn(rendition: Rendition, leadingDts: number): number {
    return ((leadingDts + this.#offset) * rendition.track.clockRate) / this.#leading.track.clockRate;
  }
}

function renditionsOf(tracks: readonly Track[], options: MuxerOptions, clock: SegmentClock): (Rendition | undefined)[] {
  const firstVideo = tracks.findIndex((track) => track.kind === 'video' && isMuxed(track));
  let number = 0;
  return tracks.map((track, i) => {
    if (!isMuxed(track) || (track.kind === 'video' && i !== firstVideo)) {
      return undefined;
    }
    number += 1;
    return new Rendition(`${track.kind}${number}`, track, options, clock);
  });
}
