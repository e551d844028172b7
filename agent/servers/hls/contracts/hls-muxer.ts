/** Kinds of HLS, as `hlsVariant` names them. */
export type HlsVariant = 'lowLatency' | 'fmp4' | 'mpegts';

export interface MuxerOptions {
  /** Random letters and digits, new for each muxer, so that no cache mixes two of them up. */
  readonly prefix: string;
  readonly variant: HlsVariant;
  /** In a playlist. */
  readonly segmentCount: number;
  readonly segmentDurationMs: number;
  readonly partDurationMs: number;
  readonly segmentMaxBytes: number;
  /** The longest time between two key samples that the path has shown before; 0 or undefined: nothing is known. */
  readonly longestGroupMs?: number;
}

/** A file that players fetch by name: an init segment, a segment or a part. */
export interface MediaFile {
  readonly name: string;
  readonly type: 'video/mp4' | 'audio/mp4' | 'video/mp2t';
  readonly sizeBytes: number;
  /** One behind the other. A part is one piece. */
  readonly pieces: readonly Uint8Array[];
  /** A sender holds the file while it sends: its memory is reused once the muxer has released it. */
  hold(): void;
  release(): void;
}

/** A part in a media playlist (RFC 8216bis §4.4.4.9). */
export interface PartLine {
  readonly name: string;
  readonly durationS: number;
  /** Begins with a key sample. */
  readonly isIndependent: boolean;
}

/** A whole segment in a media playlist (RFC 8216bis §4.4.4). */
export interface SegmentLine {
  /** Media sequence number. */
  readonly number: number;
  readonly name: string;
  readonly durationS: number;
  /** Unix milliseconds of the first sample. */
  readonly wallMs: number;
  /** Undefined in MPEG-TS, which needs none. */
  readonly init: { readonly name: string } | undefined;
  /** Time or format does not continue the segment before. */
  readonly isDiscontinuity: boolean;
  /** Begins with a key sample. */
  readonly isIndependent: boolean;
  /** The track was silent: there is nothing to fetch. */
  readonly isGap: boolean;
  /** Empty where the segment is not offered in parts. */
  readonly parts: readonly PartLine[];
}

/** The segment that is being made; only where parts are offered. */
export interface RunningSegment {
  readonly number: number;
  /** Of its first part; meaningless while there is none. */
  readonly wallMs: number;
  readonly init: { readonly name: string };
  readonly isDiscontinuity: boolean;
  readonly parts: readonly PartLine[];
  /** The part that comes next (EXT-X-PRELOAD-HINT): always the name that it will have. */
  readonly nextPartName: string;
}

/** A media playlist as it stands: never changed, a new one takes its place. */
export interface MediaPlaylist {
  /** Whole seconds. */
  readonly targetDurationS: number;
  /** EXT-X-PART-INF; undefined: no parts. */
  readonly partTargetS: number | undefined;
  /** Of the first listed segment. */
  readonly discontinuitySequence: number;
  /** Oldest first. */
  readonly segments: readonly SegmentLine[];
  readonly running: RunningSegment | undefined;
  /**
   * EXT-X-INDEPENDENT-SEGMENTS, which may be taken back but must not come later (RFC 8216bis §6.2.1). Undefined: set as long as all
   * listed segments are independent.
   */
  readonly claimsIndependence?: boolean;
}

/** One playlist of a stream: a track of its own, or all of them in MPEG-TS (`main`). */
export interface HlsRendition {
  /** `video1`, `audio2`, `main`: the playlist is `{name}_stream.m3u8`. */
  readonly name: string;
  /** For CODECS: one, in MPEG-TS several. */
  readonly codecs: readonly string[];
  /**
   * Further names for the same files (MPEG-TS only), each a variant of its own: a player passes over a variant of which it does not
   * know every codec, although it would play the rest.
   */
  readonly otherCodecs?: readonly (readonly string[])[];
  readonly kind: 'video' | 'audio';
  /** Not every player decodes it (AC-3, MP3 in MP4): there is a variant without it. */
  readonly isRare?: boolean;
  /** Undefined for audio. */
  readonly picture: { readonly width: number; readonly height: number; readonly fps: number | undefined } | undefined;
  /** Bits per second, of whole segments: the fattest, and all together. */
  bitRate(): { readonly peak: number; readonly average: number };
  /** Undefined: there is nothing to play yet. A new object after each change, so that texts made of it can be cached by it. */
  readonly playlist: MediaPlaylist | undefined;
  /** Settles at the next change of `playlist`: one promise for all callers. Fails with 'unavailable' when the muxer is closed. */
  changed(): Promise<void>;
}

/** A stream as HLS. It reads the stream from `start` on for as long as it lives. */
export interface HlsMuxer {
  /** Settles when there is something to play, or fails with what ended the muxer before. */
  readonly ready: Promise<void>;
  readonly isClosed: boolean;
  /** The leading one first: the video, or the first audio where there is none. */
  readonly renditions: readonly HlsRendition[];
  bytesSent: number;
  /** Media samples that had to be left out. */
  readonly framesDiscarded: number;
  start(): void;
  close(): void;
  /** A file that is still kept. */
  file(name: string): MediaFile | undefined;
  /** The rendition whose next part has this name (a part that was hinted), or undefined. */
  awaiting(name: string): HlsRendition | undefined;
  /** Counts for the stream too. */
  countSent(bytes: number): void;
}
