/** The tracks of a stream. A track's number is its index in the stream's list. */
export type Track = VideoTrack | AudioTrack | KlvTrack | GenericTrack | MpegTsTrack;
/** Codecs with NAL units and parameter sets outside the samples. */
export type NalTrack = H264Track | H265Track;
export type VideoTrack = NalTrack | Av1Track | Vp8Track | Vp9Track | MjpegTrack | Mpeg4VideoTrack | MpegVideoTrack;
export type AudioTrack =
  | AacTrack
  | OpusTrack
  | G711Track
  | FlacTrack
  | G722Track
  | LpcmTrack
  | MpegAudioTrack
  | Ac3Track
  | Eac3Track;

interface TrackBase {
  /**
   * Ticks per second of pts and dts, equal to the RTP clock. Video and MPEG-TS: 90,000.
   * Audio: the sample rate, but G.722 8,000 (RFC 3551 §4.5.2) and MPEG audio 90,000 (RFC 3551 §4.5.13).
   */
  readonly clockRate: number;
}

interface VideoBase extends TrackBase {
  readonly kind: 'video';
  readonly width: number;
  readonly height: number;
  /** Frames per second if signalled. */
  readonly fps: number | undefined;
}

/** Parameter sets are NAL units without start code or length: those of the last key frame. */
export interface H264Track extends VideoBase {
  readonly codec: 'h264';
  readonly sps: Uint8Array;
  readonly pps: readonly Uint8Array[];
}

/** Parameter sets as in `H264Track`. */
export interface H265Track extends VideoBase {
  readonly codec: 'h265';
  readonly vps: Uint8Array;
  readonly sps: Uint8Array;
  readonly pps: readonly Uint8Array[];
}

/** A sample is one temporal unit: OBUs with size fields, without temporal delimiter. */
export interface Av1Track extends VideoBase {
  readonly codec: 'av1';
  /** The sequence header OBU with its size field: that of the last key frame. */
  readonly sequenceHeader: Uint8Array;
}

/** A sample is one frame, RFC 6386. */
export interface Vp8Track extends VideoBase {
  readonly codec: 'vp8';
}

/** A sample is one frame, or one superframe with its index. */
export interface Vp9Track extends VideoBase {
  readonly codec: 'vp9';
  /** 0 to 3. */
  readonly profile: number;
  readonly bitDepth: 8 | 10 | 12;
  /** Values of `vpcC`: 0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chromaSubsampling: number;
  readonly isFullRange: boolean;
}

/** A sample is one whole JPEG image (JFIF), tables included; every sample is a key sample. */
export interface MjpegTrack extends VideoBase {
  readonly codec: 'mjpeg';
}

/** MPEG-4 part 2. A sample is one VOP with its headers. */
export interface Mpeg4VideoTrack extends VideoBase {
  readonly codec: 'mpeg4-video';
  /** Visual object sequence to video object layer, ISO/IEC 14496-2 §6.2. */
  readonly config: Uint8Array;
}

/** MPEG-1 and MPEG-2 video. A sample is one frame with its headers: both fields of a pair. */
export interface MpegVideoTrack extends VideoBase {
  readonly codec: 'mpeg-video';
  readonly version: 1 | 2;
  /** Sequence header with its extensions, ISO/IEC 13818-2 §6.2.2. Key samples hold it, too. */
  readonly config: Uint8Array;
}

/** A sample is one raw_data_block, without ADTS header. */
export interface AacTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'aac';
  readonly channels: number;
  /** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1. */
  readonly config: Uint8Array;
  /** PCM samples in one frame: 1024, or 960. */
  readonly frameSamples: number;
}

/** Clock rate is always 48,000 (RFC 7587 §4.1). */
export interface OpusTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'opus';
  readonly channels: number;
  /** With more than two channels: a sample is several Opus packets in one, RFC 6716 appendix B. */
  readonly layout?: OpusLayout;
}

/** The mapping of up to eight channels, in the order of RFC 7845 §5.1.1.2, to the streams of a packet. */
export interface OpusLayout {
  readonly streams: number;
  /** The number of stereo streams, which come first. */
  readonly coupledStreams: number;
  /** For each channel its decoded channel; 255: silence. */
  readonly mapping: readonly number[];
}

/** A sample is one packet or a part of it: one byte per channel and sampling instant, channels interleaved. */
export interface G711Track extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'g711';
  readonly law: 'a' | 'mu';
  readonly channels: number;
}

/** Encoded here from G.711, G.722 and LPCM, for MP4. 16 bits, mono or stereo. */
export interface FlacTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'flac';
  readonly channels: number;
  /** PCM samples (per channel) in each frame. */
  readonly frameSamples: number;
}

/** Sampled at 16,000 Hz, 64 kbit/s: a byte holds two sampling instants and lasts one tick. A sample is one packet or a part of it. */
export interface G722Track extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'g722';
  readonly channels: number;
}

/** Interleaved as RTP carries it: 8 bits with an offset of 128 (RFC 3551 §4.5.10), 16 (§4.5.11) and 24 bits (RFC 3190 §4) signed, big-endian. */
export interface LpcmTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'lpcm';
  readonly bitDepth: 8 | 16 | 24;
  readonly channels: number;
}

/** MPEG-1 and MPEG-2 audio of layers 1 to 3. A sample is one frame with its header. */
export interface MpegAudioTrack extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'mpeg-audio';
  /** MPEG-1, or the low sampling rates of MPEG-2 (ISO/IEC 13818-3) and MPEG-2.5. */
  readonly version: 1 | 2 | 2.5;
  readonly layer: 1 | 2 | 3;
  readonly sampleRate: number;
  readonly channels: number;
}

/** A sample is one syncframe, ETSI TS 102 366. */
export interface Ac3Track extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'ac3';
  readonly channels: number;
  /** The three bytes of AC3SpecificBox, ETSI TS 102 366 annex F.4. */
  readonly config: Uint8Array;
}

/** A sample is one syncframe, ETSI TS 102 366 annex E. */
export interface Eac3Track extends TrackBase {
  readonly kind: 'audio';
  readonly codec: 'eac3';
  readonly channels: number;
  /** EC3SpecificBox, ETSI TS 102 366 annex F.6. */
  readonly config: Uint8Array;
}

/** Metadata, SMPTE ST 336. A sample is one KLV unit, or several of one time; every sample is a key sample. */
export interface KlvTrack extends TrackBase {
  readonly kind: 'data';
  readonly codec: 'klv';
}

/** A format that is not known: its RTP packets go to RTSP readers unchanged. A sample is the packets of one time, see `media/generic`. */
interface GenericTrack extends TrackBase {
  readonly kind: 'data';
  readonly codec: 'generic';
  /** Media type of the media section (`m=`). */
  readonly media: 'audio' | 'video' | 'application';
  /** `a=rtpmap` and `a=fmtp` without payload type, as the sender wrote them. */
  readonly rtpmap: string;
  readonly fmtp: string;
}

/** A multiplex that is forwarded unchanged (RFC 2250 §2). A sample is a whole number of 188-byte packets; every sample is a key sample. */
export interface MpegTsTrack extends TrackBase {
  readonly kind: 'multiplex';
  readonly codec: 'mpeg-ts';
}
