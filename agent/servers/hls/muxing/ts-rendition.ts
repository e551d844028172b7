import { hold, release } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import type {
  HlsRendition,
  MediaFile,
  MediaPlaylist,
  MuxerOptions,
  PlaylistEnd,
  SegmentLine,
} from '../contracts/hls-muxer.ts';
import { tsCodecs } from './muxable.ts';
import { PlaylistChange } from './playlist-change.ts';
import { FIRST_SEGMENT_NUMBER, type KeptSegment, SegmentList } from './segment-list.ts';

interface ClosedSegment {
  readonly durationS: number;
  readonly wallMs: number;
  readonly isIndependent: boolean;
  readonly isDiscontinuity: boolean;
  /** Pieces with one hold each; the holds pass to the rendition. */
  readonly pieces: readonly Uint8Array[];
}

class TsSegment implements KeptSegment, MediaFile {
  readonly name: string;
  readonly type = 'video/mp2t';
  readonly sizeBytes: number;
  readonly pieces: readonly Uint8Array[];
  readonly line: SegmentLine;

  constructor(number: number, name: string, { pieces, ...facts }: ClosedSegment) {
    this.name = name;
    this.pieces = pieces;
    this.sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.line = { ...facts, number, name, init: undefined, isGap: false, parts: [] };
  }

  get bareLine(): SegmentLine {
    return this.line;
  }

  hold(): void {
    for (const piece of this.pieces) {
      hold(piece);
    }
  }

  release(): void {
    for (const piece of this.pieces) {
      release(piece);
    }
  }
}

/** The only rendition in MPEG-TS: `main`. */
export class TsRendition implements HlsRendition {
  readonly name = 'main';
  readonly #prefix: string;
  #tracks: readonly Track[];
  #codecs: readonly (readonly string[])[];
  readonly #segments: SegmentList<TsSegment>;
  #nextNumber: number;
  #claimsIndependence = true;
  #playlist: MediaPlaylist | undefined;
  readonly #change = new PlaylistChange();

  /** @param tracks in its segments */
  constructor({ prefix, segmentCount, continues }: MuxerOptions, tracks: readonly Track[]) {
    this.#prefix = prefix;
    this.#nextNumber = continues?.nextNumber ?? FIRST_SEGMENT_NUMBER;
    this.#segments = new SegmentList(segmentCount, continues?.discontinuities);
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

  get playlistEnd(): PlaylistEnd {
    return { nextNumber: this.#nextNumber, discontinuities: this.#segments.discontinuities };
  }

  changed(): Promise<void> {
    return this.#change.wait();
  }

  bitRate(): { peak: number; average: number } {
    return this.#segments.bitRate();
  }

  /** The tracks apply from the next segment on. */
  describe(tracks: readonly Track[]): void {
    this.#tracks = tracks;
    this.#codecs = tsCodecs(tracks);
  }

  append(closed: ClosedSegment, targetDurationS: number): void {
    const segment = new TsSegment(this.#nextNumber, `${this.#prefix}_main_seg${this.#nextNumber}.ts`, closed);
    this.#nextNumber += 1;
    for (const old of this.#segments.append(segment, targetDurationS)) {
      old.release();
    }
    this.#claimsIndependence &&= closed.isIndependent;
    this.#playlist = {
      targetDurationS,
      partTargetS: undefined,
      discontinuitySequence: this.#segments.discontinuitySequence,
      segments: this.#segments.listed(),
      running: undefined,
      claimsIndependence: this.#claimsIndependence,
    };
    this.#change.happened();
  }

  find(name: string): MediaFile | undefined {
    return this.#segments.find(name);
  }

  end(): void {
    this.#change.end();
    for (const segment of this.#segments.clear()) {
      segment.release();
    }
  }
}
