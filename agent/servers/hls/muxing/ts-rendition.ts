import { PerchError } from '../../../base/errors.ts';
import { hold, release } from '../../../media/slab.ts';
import type { Track } from '../../../media/track.ts';
import type { HlsRendition, MediaFile, MediaPlaylist, SegmentLine } from '../hls-muxer.ts';
import { tsCodecs } from './muxable.ts';

/** A segment as far as it is known when it is closed. */
export interface ClosedSegment {
  readonly durationS: number;
  readonly wallMs: number;
  readonly isIndependent: boolean;
  readonly isDiscontinuity: boolean;
  /** With a hold on each, which goes over. */
  readonly pieces: readonly Uint8Array[];
}

interface Segment extends SegmentLine, MediaFile {
  readonly name: string;
}

/** No longer in the playlist, but fetched by players that took the playlist a while ago. */
const KEPT_SEGMENTS = 3;

/** The only rendition of a stream in MPEG-TS: `main`. */
export class TsRendition implements HlsRendition {
  readonly name = 'main';
  readonly #prefix: string;
  readonly #segmentCount: number;
  #tracks: readonly Track[];
  #codecs: readonly (readonly string[])[];
  #segments: readonly Segment[] = [];
  #nextNumber = 0;
  #removedDiscontinuities = 0;
  #claimsIndependence = true;
  #playlist: MediaPlaylist | undefined;
  #change: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  /** @param tracks all that its segments hold */
  constructor(prefix: string, segmentCount: number, tracks: readonly Track[]) {
    this.#prefix = prefix;
    this.#segmentCount = segmentCount;
    this.#tracks = tracks;
    this.#codecs = tsCodecs(tracks);
  }

  get codecs(): readonly string[] {
    return this.#codecs[0] ?? [];
  }

  get otherCodecs(): readonly (readonly string[])[] {
    return this.#codecs.slice(1);
  }

  get kind(): 'video' | 'audio' {
    return this.picture ? 'video' : 'audio';
  }

  get picture() {
    return this.#tracks.find((track) => track.kind === 'video');
  }

  get playlist(): MediaPlaylist | undefined {
    return this.#playlist;
  }

  changed(): Promise<void> {
    if (!this.#change) {
      this.#change = Promise.withResolvers<void>();
      // Not every change has someone waiting for it.
      this.#change.promise.catch(() => {});
      if (this.#isClosed) {
        this.#change.reject(muxerClosed());
      }
    }
    return this.#change.promise;
  }

  bitRate(): { peak: number; average: number } {
    let [peak, bytes, seconds] = [0, 0, 0];
    for (const { sizeBytes, durationS } of this.#segments) {
      peak = Math.max(peak, (sizeBytes * 8) / durationS);
      bytes += sizeBytes;
      seconds += durationS;
    }
    return { peak: Math.ceil(peak), average: seconds > 0 ? Math.ceil((bytes * 8) / seconds) : 0 };
  }

  /** From the next segment on. */
  describe(tracks: readonly Track[]): void {
    this.#tracks = tracks;
    this.#codecs = tsCodecs(tracks);
  }

  append(closed: ClosedSegment, targetDurationS: number): void {
    const { pieces } = closed;
    const segment: Segment = {
      ...closed,
      number: this.#nextNumber,
      name: `${this.#prefix}_main_seg${this.#nextNumber}.ts`,
      type: 'video/mp2t',
      sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
      init: undefined,
      isGap: false,
      parts: [],
      hold: () => pieces.forEach(hold),
      release: () => pieces.forEach(release),
    };
    this.#nextNumber += 1;
    const all = [...this.#segments, segment];
    const kept = this.#segmentCount + KEPT_SEGMENTS;
    for (const old of all.slice(0, -kept)) {
      this.#removedDiscontinuities += old.isDiscontinuity ? 1 : 0;
      old.release();
    }
    this.#segments = all.slice(-kept);
    this.#claimsIndependence &&= segment.isIndependent;
    this.#playlist = {
      targetDurationS,
      partTargetS: undefined,
      discontinuitySequence: this.#discontinuitySequence(),
      segments: this.#segments.slice(-this.#segmentCount),
      running: undefined,
      claimsIndependence: this.#claimsIndependence,
    };
    this.#change?.resolve();
    this.#change = undefined;
  }

  find(name: string): MediaFile | undefined {
    return this.#segments.find((segment) => segment.name === name);
  }

  /** Nothing changes any more. */
  end(): void {
    this.#isClosed = true;
    this.#change?.reject(muxerClosed());
    for (const segment of this.#segments) {
      segment.release();
    }
    this.#segments = [];
  }

  /** Up to the first listed segment, its own included: the playlist does not tell that one any more (RFC 8216bis §6.2.2). */
  #discontinuitySequence(): number {
    const upToHead = this.#segments.slice(0, Math.max(1, this.#segments.length - this.#segmentCount + 1));
    return this.#removedDiscontinuities + upToHead.filter((segment) => segment.isDiscontinuity).length;
  }
}

const muxerClosed = (): PerchError => new PerchError('unavailable', 'the HLS muxer has been closed');
