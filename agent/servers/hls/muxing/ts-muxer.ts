import { PerchError } from '../../../base/errors.ts';
import type { Sample } from '../../../media/sample.ts';
import { SlabPool } from '../../../media/slab.ts';
import type { Track } from '../../../media/track.ts';
import { storable } from '../../../stream/storable.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';
import type { HlsMuxer, HlsRendition, MediaFile, MuxerOptions } from '../hls-muxer.ts';
import { type Cut, CutRules } from './cut-rules.ts';
import { hlsRefusal, tsTracks } from './muxable.ts';
import { SegmentClock } from './segment-clock.ts';
import { TsRendition } from './ts-rendition.ts';
import { TsWriter } from './ts-writer.ts';

/** The segment that is being made, by its first sample. */
interface Running {
  readonly wallMs: number;
  readonly isIndependent: boolean;
  readonly isDiscontinuity: boolean;
}

/** A stream as HLS of MPEG-TS segments: the first video track and the first audio track that players take there, in one playlist. */
export class TsHlsMuxer implements Reader, HlsMuxer {
  readonly type = 'hidden';
  readonly id = 'hls';
  /** One for all who watch over HLS. */
  readonly isAudience = true;
  readonly countsHolds = true;
  readonly ready: Promise<void>;
  readonly renditions: readonly HlsRendition[];
  bytesSent = 0;
  #framesDiscarded = 0;
  readonly #name: string;
  readonly #stream: Stream;
  readonly #options: MuxerOptions;
  readonly #onClosed: (cause: unknown) => void;
  readonly #rendition: TsRendition;
  /** By track of the stream: its number among the muxed ones, or -1. */
  readonly #numbers: readonly number[];
  /** Among the muxed ones. */
  readonly #leading: number;
  /** Of the muxed ones, as the segment that is being made has them. */
  #tracks: readonly Track[];
  /** Described anew: they hold from the next key sample of the leading track on. */
  #nextTracks: readonly Track[] | undefined;
  readonly #pool = new SlabPool();
  readonly #rules: CutRules;
  readonly #clock = new SegmentClock();
  readonly #settle: { resolve(): void; reject(cause: unknown): void };
  #writer: TsWriter | undefined;
  /** Time of the first sample, in seconds. */
  #startS = 0;
  #running: Running | undefined;
  #startsDiscontinuity = false;
  #isClosed = false;

  /**
   * @param name of the path, for messages
   * @param stream as the path has it
   * @param onClosed called once: undefined when the stream ended or `close` was called, else what went wrong
   */
  constructor(name: string, stream: Stream, options: MuxerOptions, onClosed: (cause: unknown) => void) {
    this.#name = name;
    this.#stream = storable(stream, 'mpegts');
    this.#options = options;
    this.#onClosed = onClosed;
    const places = tsTracks(this.#stream.tracks);
    if (places.length === 0) {
      throw new PerchError('unsupported', hlsRefusal(name, stream, 'mpegts'), { path: name });
    }
    this.#numbers = this.#stream.tracks.map((_, i) => places.indexOf(i));
    this.#tracks = places.map((i) => this.#stream.tracks[i] as Track);
    this.#leading = Math.max(
      0,
      this.#tracks.findIndex((track) => track.kind === 'video'),
    );
    this.#rules = new CutRules({
      clockRate: (this.#tracks[this.#leading] as Track).clockRate,
      segmentDurationMs: options.segmentDurationMs,
      longestGroupMs: Math.max(options.longestGroupMs ?? 0, stream.longestGroupMs) || undefined,
      cutsFirstGroup: true,
    });
    this.#rendition = new TsRendition(options.prefix, options.segmentCount, this.#tracks);
    this.renditions = [this.#rendition];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settle = { resolve, reject };
    // Not every failure has someone waiting for it.
    promise.catch(() => {});
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get framesDiscarded(): number {
    return this.#framesDiscarded;
  }

  /** Begins with what the stream keeps of its current group: that is the first segment at once, if it is long enough for one. */
  start(): void {
    this.#rules.isReplay = true;
    this.#stream.addReader(this, true);
    const cut = this.#rules.afterLast();
    if (cut && !this.#isClosed) {
      this.#close(cut);
    }
  }

  close(): void {
    this.#end(undefined);
  }

  file(name: string): MediaFile | undefined {
    return this.#rendition.find(name);
  }

  awaiting(): undefined {
    return undefined;
  }

  countSent(bytes: number): void {
    this.bytesSent += bytes;
    this.#stream.countSent(bytes);
  }

  onSample(track: number, sample: Sample): void {
    const number = this.#numbers[track] ?? -1;
    if (number < 0 || this.#isClosed) {
      return;
    }
    if (number === this.#leading) {
      this.#takeLeading(sample);
    } else {
      this.#takeFollowing(number, sample);
    }
    const { segmentMaxBytes } = this.#options;
    const sizeBytes = this.#writer?.sizeBytes ?? 0;
    if (sizeBytes > segmentMaxBytes) {
      const message = `HLS segment of ${sizeBytes} bytes, hlsSegmentMaxSize is ${segmentMaxBytes}: key frames are too far apart`;
      this.#end(new PerchError('exhausted', message, { path: this.#name }));
    }
  }

  onTrack(track: number, description: Track): void {
    const number = this.#numbers[track] ?? -1;
    if (number >= 0) {
      this.#nextTracks = (this.#nextTracks ?? this.#tracks).with(number, description);
    }
  }

  onEnd(cause?: unknown): void {
    this.#end(cause);
  }

  #takeLeading(sample: Sample): void {
    if (!this.#writer && !sample.key) {
      this.#framesDiscarded += 1;
      return;
    }
    const cut = this.#rules.before(sample, this.#nextTracks !== undefined);
    if (cut) {
      this.#close(cut);
    }
    if (sample.key && (this.#nextTracks || !this.#writer)) {
      this.#setUp(sample);
    }
    this.#running ??= {
      wallMs: this.#clock.begins(sample, (this.#tracks[this.#leading] as Track).clockRate),
      isIndependent: sample.key,
      isDiscontinuity: this.#startsDiscontinuity,
    };
    this.#writer?.add(this.#leading, sample);
  }

  /** Sound that comes when its segment has been closed goes into the next one: players put the two together by their times. */
  #takeFollowing(number: number, sample: Sample): void {
    const { clockRate } = this.#tracks[number] as Track;
    const isDescribedAnew = this.#nextTracks !== undefined && this.#nextTracks[number] !== this.#tracks[number];
    if (!this.#writer || isDescribedAnew || sample.pts / clockRate < this.#startS) {
      this.#framesDiscarded += 1;
      return;
    }
    this.#writer.add(number, sample);
  }

  /** Other parameter sets are another stream: its counters begin anew, and players are told so. */
  #setUp(first: Sample): void {
    if (this.#nextTracks) {
      this.#tracks = this.#nextTracks;
      this.#nextTracks = undefined;
      this.#rendition.describe(this.#tracks);
    }
    if (this.#writer) {
      this.#startsDiscontinuity = true;
      this.#writer.close();
    } else {
      this.#startS = first.pts / (this.#tracks[this.#leading] as Track).clockRate;
    }
    this.#writer = new TsWriter(this.#tracks, this.#startS, this.#pool);
  }

  #close({ startDts, endDts, isBreak }: Cut): void {
    const running = this.#running;
    if (!running || !this.#writer) {
      return;
    }
    const { clockRate } = this.#tracks[this.#leading] as Track;
    const pieces = this.#writer.takePieces();
    const segment = { ...running, durationS: (endDts - startDts) / clockRate, pieces };
    this.#running = undefined;
    this.#startsDiscontinuity = isBreak;
    this.#rendition.append(segment, this.#rules.targetDurationS);
    this.#settle.resolve();
  }

  #end(cause: unknown): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#stream.removeReader(this);
    this.#writer?.close();
    this.#rendition.end();
    const text = `the stream on path '${this.#name}' has ended`;
    this.#settle.reject(cause ?? new PerchError('notFound', text, { path: this.#name }));
    this.#onClosed(cause);
  }
}
