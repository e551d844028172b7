import { PerchError } from '../../../base/errors.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold, release, SlabPool } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import { containerStream } from '../../../stream/container-stream.ts';
import { FILE_DELAY_MS, type Reader, type Stream } from '../../../stream/stream.ts';
import type { HlsMuxer, HlsRendition, MediaFile, MuxerOptions, PlaylistEnd } from '../contracts/hls-muxer.ts';
import { hlsRefusal, tsTracks } from './muxable.ts';
import { SegmentBoundaries } from './segment-boundaries.ts';
import { SegmentClock } from './segment-clock.ts';
import { TsRendition } from './ts-rendition.ts';
import { TsWriter } from './ts-writer.ts';

/** The current segment, by its first sample. */
interface Running {
  readonly startDts: number;
  readonly wallMs: number;
  readonly isIndependent: boolean;
  readonly isDiscontinuity: boolean;
}

/** A stream as HLS in MPEG-TS: the first supported video track and the first supported audio track in one playlist. */
export class TsHlsMuxer implements Reader, HlsMuxer {
  readonly id = 'hls';
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
  /** Numbers among the muxed tracks, by track of the stream; -1: not muxed. */
  readonly #numbers: readonly number[];
  /** Number of the leading track among the muxed tracks. */
  readonly #leading: number;
  /** Muxed tracks of the current segment. */
  #tracks: readonly Track[];
  /** New descriptions, valid from the next key sample of the leading track. */
  #nextTracks: readonly Track[] | undefined;
  readonly #pool = new SlabPool();
  readonly #boundaries: SegmentBoundaries;
  readonly #clock = new SegmentClock();
  readonly #settle: { resolve(): void; reject(cause: unknown): void };
  #writer: TsWriter | undefined;
  /** Time of the first sample, in seconds. */
  #startS = 0;
  #running: Running | undefined;
  /** The latest sample of the leading track, held: its segment may end before it until the next one arrives. */
  #last: Sample | undefined;
  #usualTicks = 0;
  #isReplay = false;
  #startsDiscontinuity: boolean;
  #isClosed = false;

  /**
   * @param name of the path
   * @param onClosed called once: undefined if the stream ended or `close` was called, else the error
   */
  constructor(name: string, stream: Stream, options: MuxerOptions, onClosed: (cause: unknown) => void) {
    this.#name = name;
    this.#stream = containerStream(stream, 'mpegts');
    this.#options = options;
    this.#startsDiscontinuity = options.continues !== undefined;
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
    const { segmentDurationMs, longestGroupMs = 0 } = options;
    this.#boundaries = new SegmentBoundaries({
      clockRate: this.#clockRate,
      segmentDurationMs,
      longestGroupMs: () => Math.max(longestGroupMs, stream.longestGroupMs),
    });
    this.#rendition = new TsRendition(options, this.#tracks);
    this.renditions = [this.#rendition];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settle = { resolve, reject };
    // `ready` may have no handler: its rejection must not count as unhandled.
    promise.catch(() => {});
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Players are whole segments behind; the first one is waited for. */
  get toleratedDelayMs(): number {
    return this.#rendition.playlist === undefined ? 0 : FILE_DELAY_MS;
  }

  get playlistEnd(): PlaylistEnd {
    return this.#rendition.playlistEnd;
  }

  get framesDiscarded(): number {
    return this.#framesDiscarded;
  }

  get #clockRate(): number {
    return (this.#tracks[this.#leading] as Track).clockRate;
  }

  /** Starts with the stream's cached GOP, which is the first segment if it is long enough. */
  start(): void {
    this.#isReplay = true;
    this.#stream.addReader(this, true);
    this.#isReplay = false;
    if (this.#isClosed) {
      return;
    }
    if (!this.#last) {
      this.#stream.requestKeyFrame();
    } else if (this.#boundaries.mayEnd(this.#last.dts)) {
      this.#close(this.#last.dts, this.#last.key);
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
    const wantsCut = this.#nextTracks !== undefined;
    let step = wantsCut && !sample.key ? 'wait' : this.#boundaries.stepBefore(sample, wantsCut, this.#isReplay);
    if (step === 'break') {
      this.#break();
      step = this.#boundaries.stepBefore(sample, wantsCut, this.#isReplay);
    }
    if (step === 'wait') {
      // Frames before the first key sample do not count.
      this.#framesDiscarded += this.#writer ? 1 : 0;
      return;
    }
    if (step === 'cutBefore' && this.#last) {
      this.#close(this.#last.dts, this.#last.key);
      step = this.#boundaries.stepBefore(sample, wantsCut, this.#isReplay);
    }
    this.#writeLast(sample.dts);
    if (step === 'cut') {
      this.#close(sample.dts, sample.key);
    }
    if (sample.key && (wantsCut || !this.#writer)) {
      this.#setUp(sample);
    }
    this.#boundaries.took(sample);
    hold(sample.data);
    this.#last = sample;
  }

  /** Writes the held sample to the segment. @param nextDts decode time of the next sample, or undefined if none follows */
  #writeLast(nextDts: number | undefined): void {
    const last = this.#last;
    if (!last) {
      return;
    }
    this.#last = undefined;
    this.#usualTicks = nextDts === undefined ? this.#usualTicks : nextDts - last.dts;
    this.#running ??= {
      startDts: last.dts,
      wallMs: this.#clock.begins(last, this.#clockRate),
      isIndependent: last.key,
      isDiscontinuity: this.#startsDiscontinuity,
    };
    this.#writer?.add(this.#leading, last);
    release(last.data);
  }

  /** The leading track paused for longer than a segment may be. */
  #break(): void {
    const endDts = (this.#last?.dts ?? 0) + Math.max(1, this.#usualTicks);
    this.#writeLast(undefined);
    this.#close(endDts, false);
    this.#startsDiscontinuity = true;
    this.#boundaries.broke();
    this.#stream.requestKeyFrame();
  }

  /** Audio that arrives after its segment goes into the next one: players align by timestamps. */
  #takeFollowing(number: number, sample: Sample): void {
    const { clockRate } = this.#tracks[number] as Track;
    const isDescribedAnew = this.#nextTracks !== undefined && this.#nextTracks[number] !== this.#tracks[number];
    if (!this.#writer || isDescribedAnew || sample.pts / clockRate < this.#startS) {
      this.#framesDiscarded += isDescribedAnew ? 1 : 0;
      return;
    }
    this.#writer.add(number, sample);
  }

  /** New parameter sets start a new stream: counters restart after a discontinuity. */
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

  /** @param isKey the next segment starts with a key sample */
  #close(endDts: number, isKey: boolean): void {
    this.#boundaries.ended(endDts, isKey);
    if (!this.#running || !this.#writer) {
      return;
    }
    const { startDts, ...facts } = this.#running;
    const pieces = this.#writer.takePieces();
    this.#running = undefined;
    this.#startsDiscontinuity = false;
    const durationS = (endDts - startDts) / this.#clockRate;
    this.#rendition.append({ ...facts, durationS, pieces }, this.#boundaries.targetDurationS);
    this.#settle.resolve();
  }

  #end(cause: unknown): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#stream.removeReader(this);
    this.#writer?.close();
    if (this.#last) {
      release(this.#last.data);
      this.#last = undefined;
    }
    this.#rendition.end();
    const text = `the stream on path '${this.#name}' has ended`;
    this.#settle.reject(cause ?? new PerchError('notFound', text, { path: this.#name }));
    this.#onClosed(cause);
  }
}
