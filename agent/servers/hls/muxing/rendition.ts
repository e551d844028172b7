import { PerchError } from '../../../base/errors.ts';
import { codecString } from '../../../media/codec-string.ts';
import { writeFragment } from '../../../media/mp4/fragment.ts';
import { writeInit } from '../../../media/mp4/init.ts';
import type { Sample } from '../../../media/sample.ts';
import type { Track } from '../../../media/track.ts';
import type { HlsRendition, MediaFile, MediaPlaylist, SegmentLine } from '../hls-muxer.ts';

interface Segment extends MediaFile, SegmentLine {
  readonly name: string;
  readonly init: MediaFile;
}

/** What all renditions of a muxer have in common. */
export interface RenditionOptions {
  /** Random and new for each muxer, so that no cache mixes two of them up. */
  readonly prefix: string;
  /** In the playlist. */
  readonly segmentCount: number;
}

/** No longer in the playlist, but fetched by players that took the playlist a while ago. */
const KEPT_SEGMENTS = 3;
/** Added to all times, so that the decode times of a stream with B-frames are never negative. */
const TIME_OFFSET_S = 10;

/** One track of a stream as its own playlist: collects samples and closes segments where the muxer says. */
export class Rendition implements HlsRendition {
  /** `video1`, `audio2`: kind and place among the muxed tracks. */
  readonly name: string;
  readonly #options: RenditionOptions;
  #track: Track;
  #nextTrack: Track | undefined;
  #init: MediaFile;
  #initCount = 0;
  #samples: Sample[] = [];
  #bytes = 0;
  #startsDiscontinuity = false;
  #segments: readonly Segment[] = [];
  #nextNumber = 0;
  #removedDiscontinuities = 0;
  #targetS = 1;
  #playlist: MediaPlaylist | undefined;
  #change: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  constructor(name: string, track: Track, options: RenditionOptions) {
    this.name = name;
    this.#track = track;
    this.#options = options;
    this.#init = this.#makeInit();
  }

  get track(): Track {
    return this.#track;
  }

  get codecs(): readonly string[] {
    return [codecString(this.#track) ?? ''];
  }

  get kind(): 'video' | 'audio' {
    return this.#track.kind === 'video' ? 'video' : 'audio';
  }

  get picture() {
    return this.#track.kind === 'video' ? this.#track : undefined;
  }

  get playlist(): MediaPlaylist | undefined {
    return this.#playlist;
  }

  changed(): Promise<void> {
    this.#change ??= pendingChange(this.#isClosed);
    return this.#change.promise;
  }

  /** Nothing changes any more. */
  end(): void {
    this.#isClosed = true;
    this.#change?.reject(muxerClosed());
  }

  get segmentsMade(): number {
    return this.#segments.length;
  }

  /** Of the segment that is being collected. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  get firstPending(): Sample | undefined {
    return this.#samples[0];
  }

  get lastPending(): Sample | undefined {
    return this.#samples.at(-1);
  }

  /** The track is described anew from the next segment on; until then its samples are let go. */
  get awaitsSegment(): boolean {
    return this.#nextTrack !== undefined;
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    this.#bytes += sample.data.length;
  }

  /** New parameter sets: they hold at once when nothing has come yet, else from the next segment on. */
  describe(track: Track): 'done' | 'needsSegment' {
    this.#nextTrack = track;
    if (this.#samples.length > 0 || this.#segments.length > 0) {
      return 'needsSegment';
    }
    this.#applyNextTrack();
    return 'done';
  }

  /** How many pending samples lie before `pts`. */
  countBefore(pts: number): number {
    const index = this.#samples.findIndex((sample) => sample.pts >= pts);
    return index < 0 ? this.#samples.length : index;
  }

  /**
   * Closes a segment of the first `count` pending samples; the rest begin the next one.
   * @param endDts where the last of them ends; undefined: where the rest begins, else as long as the one before it
   * @param spanS how long the segment would have been, should there be no samples
   * @param nextIsDiscontinuous the segment after this one does not continue it
   */
  close(count: number, endDts: number | undefined, spanS: number, nextIsDiscontinuous: boolean): void {
    const samples = this.#samples.slice(0, count);
    const end = endDts ?? this.#samples[count]?.dts ?? this.#guessEnd(samples);
    this.#samples = this.#samples.slice(count);
    this.#bytes = this.#samples.reduce((sum, sample) => sum + sample.data.length, 0);
    const first = samples[0];
    if (first) {
      this.#append(this.#segmentOf(samples, first, end));
    } else if (this.#segments.length > 0) {
      this.#append(this.#gap(spanS));
    }
    // A rendition that has not begun yet counts along, so that equal numbers mean equal times everywhere.
    this.#nextNumber += 1;
    this.#startsDiscontinuity = nextIsDiscontinuous;
    this.#applyNextTrack();
  }

  /** A segment or an init file that is still kept. */
  find(name: string): MediaFile | undefined {
    if (name === this.#init.name) {
      return this.#init;
    }
    for (const segment of this.#segments) {
      if (segment.name === name && !segment.isGap) {
        return segment;
      }
      if (segment.init.name === name) {
        return segment.init;
      }
    }
    return undefined;
  }

  /** Bits per second: of the fattest listed segment and of all together. */
  bitRate(): { peak: number; average: number } {
    const real = this.#segments.filter((segment) => !segment.isGap && segment.durationS > 0);
    const bytes = real.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    const seconds = real.reduce((sum, segment) => sum + segment.durationS, 0);
    const peak = real.reduce((most, segment) => Math.max(most, (segment.sizeBytes * 8) / segment.durationS), 0);
    return { peak: Math.ceil(peak), average: seconds > 0 ? Math.ceil((bytes * 8) / seconds) : 0 };
  }

  #applyNextTrack(): void {
    if (this.#nextTrack) {
      this.#track = this.#nextTrack;
      this.#nextTrack = undefined;
      this.#init = this.#makeInit();
    }
  }

  #segmentOf(samples: readonly Sample[], first: Sample, endDts: number): Segment {
    const { clockRate } = this.#track;
    const baseTime = first.dts + TIME_OFFSET_S * clockRate;
    const pieces = writeFragment(this.#nextNumber + 1, [{ track: 0, baseTime, samples, endDts }]);
    return {
      ...this.#header(`seg${this.#nextNumber}`),
      ...fileOf(this.kind),
      sizeBytes: sizeOf(pieces),
      pieces,
      durationS: (endDts - first.dts) / clockRate,
      wallMs: first.wall,
      isIndependent: first.key,
      isGap: false,
    };
  }

  #gap(durationS: number): Segment {
    const last = this.#segments.at(-1);
    const wallMs = last ? last.wallMs + last.durationS * 1000 : 0;
    return {
      ...this.#header('gap'),
      ...fileOf(this.kind),
      sizeBytes: 0,
      pieces: [],
      durationS,
      wallMs,
      isIndependent: true,
      isGap: true,
    };
  }

  #header(suffix: string) {
    return {
      number: this.#nextNumber,
      name: this.#fileName(suffix),
      init: this.#init,
      isDiscontinuity: this.#startsDiscontinuity,
      parts: [],
    };
  }

  #append(segment: Segment): void {
    const kept = this.#options.segmentCount + KEPT_SEGMENTS;
    const all = [...this.#segments, segment];
    const removed = all.slice(0, -kept);
    this.#removedDiscontinuities += removed.filter((old) => old.isDiscontinuity).length;
    this.#segments = all.slice(-kept);
    this.#targetS = Math.max(this.#targetS, Math.round(segment.durationS));
    this.#playlist = {
      targetDurationS: this.#targetS,
      partTargetS: undefined,
      discontinuitySequence: this.#discontinuitySequence(),
      segments: this.#segments.slice(-this.#options.segmentCount),
      running: undefined,
    };
    this.#change?.resolve();
    this.#change = undefined;
  }

  /** Discontinuities up to the first listed segment, its own included: the playlist does not tell it any more (RFC 8216 §6.2.2). */
  #discontinuitySequence(): number {
    const upToHead = this.#segments.slice(0, Math.max(1, this.#segments.length - this.#options.segmentCount + 1));
    return this.#removedDiscontinuities + upToHead.filter((segment) => segment.isDiscontinuity).length;
  }

  /** Nothing came after the last sample: it is taken to be as long as the one before it. */
  #guessEnd(samples: readonly Sample[]): number {
    const last = samples.at(-1)?.dts ?? 0;
    const track = this.#track;
    if (track.codec === 'aac' || track.codec === 'flac') {
      return last + track.frameSamples;
    }
    return last + Math.max(0, last - (samples.at(-2)?.dts ?? last));
  }

  #makeInit(): MediaFile {
    const bytes = writeInit([this.#track]);
    const name = this.#fileName(this.#initCount === 0 ? 'init' : `init${this.#initCount}`);
    this.#initCount += 1;
    return { ...fileOf(this.kind), name, sizeBytes: bytes.length, pieces: [bytes] };
  }

  #fileName(suffix: string): string {
    return `${this.#options.prefix}_${this.name}_${suffix}.mp4`;
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** What all files of a rendition have in common: their memory is the collector's. */
function fileOf(kind: 'video' | 'audio') {
  return { type: `${kind}/mp4` as const, hold: () => {}, release: () => {} };
}

const muxerClosed = (): PerchError => new PerchError('unavailable', 'the HLS muxer has been closed');

function pendingChange(isClosed: boolean): PromiseWithResolvers<void> {
  const pending = Promise.withResolvers<void>();
  // Not every change has someone waiting for it.
  pending.promise.catch(() => {});
  if (isClosed) {
    pending.reject(muxerClosed());
  }
  return pending;
}
