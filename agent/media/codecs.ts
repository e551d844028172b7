import { PerchError } from '../base/errors.ts';
import { createAacDepacketizer } from './aac/depacketize.ts';
import { createLatmDepacketizer } from './aac/latm.ts';
import { packetizeAac } from './aac/packetize.ts';
import { createAc3Depacketizer } from './ac3/depacketize.ts';
import { packetizeAc3 } from './ac3/packetize.ts';
import { Av1Depacketizer } from './av1/depacketize.ts';
import { packetizeAv1 } from './av1/packetize.ts';
import { createEac3Depacketizer } from './eac3/depacketize.ts';
import { packetizeEac3 } from './eac3/packetize.ts';
import * as flv from './flv/stream-format.ts';
import { createG711Depacketizer } from './g711/depacketize.ts';
import { createG722Depacketizer } from './g722/depacketize.ts';
import { G726_DEPACKETIZERS } from './g726/depacketize.ts';
import { GenericDepacketizer } from './generic/depacketize.ts';
import { packetizeGeneric } from './generic/packetize.ts';
import { H264Depacketizer } from './h264/depacketize.ts';
import { packetizeH264, packetizeH264Parameters } from './h264/packetize.ts';
import { H265Depacketizer } from './h265/depacketize.ts';
import { packetizeH265, packetizeH265Parameters } from './h265/packetize.ts';
import { createKlvDepacketizer } from './klv/depacketize.ts';
import { createLpcmDepacketizer } from './lpcm/depacketize.ts';
import { MjpegDepacketizer } from './mjpeg/depacketize.ts';
import { packetizeMjpeg } from './mjpeg/packetize.ts';
import { entryCodec } from './mp4/entry/entry-codec.ts';
import * as entry from './mp4/entry/sample-entry.ts';
import { createMpegAudioDepacketizer } from './mpeg-audio/depacketize.ts';
import { packetizeMpegAudio } from './mpeg-audio/packetize.ts';
import { createMpegVideoDepacketizer } from './mpeg-video/depacketize.ts';
import { packetizeMpegVideo } from './mpeg-video/packetize.ts';
import { Mpeg4VideoDepacketizer } from './mpeg4-video/depacketize.ts';
import { createMpegTsDepacketizer } from './mpegts/depacketize.ts';
import { packetizeMpegTs } from './mpegts/packetize.ts';
import * as ts from './mpegts/stream-format.ts';
import { createMultiopusDepacketizer, createOpusDepacketizer } from './opus/depacketize.ts';
import { packetizeOpus } from './opus/packetize.ts';
import type { Depacketizer, RtpFormat, SenderTraits, UnitSink } from './payload/depacketizer.ts';
import type { Packetize, PayloadSink } from './payload/packetizer.ts';
import { packetizeUnchanged } from './payload/packetizer.ts';
import { packetizeSampleBased } from './payload/sample-based.ts';
import type { Track } from './sample/track.ts';
import { Vp8Depacketizer } from './vp8/depacketize.ts';
import { packetizeVp8 } from './vp8/packetize.ts';
import { Vp9Depacketizer } from './vp9/depacketize.ts';
import { packetizeVp9 } from './vp9/packetize.ts';

/** Undefined: an unsupported packetization. Calls `sink.onTrack` at once if the SDP describes the track. */
type CreateDepacketizer = (format: RtpFormat, sink: UnitSink, traits: SenderTraits) => Depacketizer | undefined;

/** A codec in each container and transport. An absent member does not carry the codec. */
export interface CodecInfo<T extends Track = Track> {
  readonly kind: T['kind'];
  /** Name in MediaMTX's API and logs. */
  readonly label: string;
  /** `codec_id` and `codec_id_name` of ZLMediaKit's API; -1: none. */
  readonly zlm?: readonly [id: number, name: string];
  /** Keys are encoding names of `a=rtpmap`, in upper case. */
  readonly depacketizers?: Readonly<Record<string, CreateDepacketizer>>;
  readonly packetize?: Packetize;
  /** The parameter sets as RTP payloads, sent before each key frame, so that receivers need not keep those of the SDP. */
  packetizeParameters?(track: T, maxPayloadBytes: number, sink: PayloadSink): void;
  /** The entry of `stsd`, ISO/IEC 14496-12 §8.5.2. */
  sampleEntry?(track: T): Uint8Array;
  /** Converts the samples to the codec that MP4 carries instead. */
  readonly fmp4As?: 'flac';
  /** Undefined: transport streams cannot express this track. */
  tsFormat?(track: T): ts.TsFormat | undefined;
  /** Undefined: FLV and RTMP cannot express this track. */
  flv?(track: T): flv.FlvFormat | undefined;
  readonly webrtc?: {
    /** The encoding name of `a=rtpmap`, in upper case. */
    encoding(track: T): string;
    /** MediaMTX's order: of several supported video tracks, the one with the lowest number is sent. */
    readonly priority?: number;
    /** Whether WebRTC can carry this track; absent: every track of the codec. */
    takes?(track: T): boolean;
  };
  /** Support of HLS players by the container of segments. */
  readonly hls?: {
    /** Name in messages; absent: `CodecInfo.label`. */
    readonly label?: string;
    /** 'rare': Safari plays it, other browsers do not. */
    readonly fmp4?: true | 'rare';
    readonly mpegts?: true;
    /** Whether players support this track; absent: every track of the codec. */
    takes?(track: T): boolean;
  };
}

/** RFC 3551 §4.5.2 and §4.5.14: browsers accept an RTP clock of 8,000 Hz and one channel only. */
const isMono8kHz = (track: { readonly clockRate: number; readonly channels: number }): boolean =>
  track.clockRate === 8_000 && track.channels === 1;

const TABLE: { readonly [C in Track['codec']]: CodecInfo<Extract<Track, { codec: C }>> } = {
  h264: {
    kind: 'video',
    label: 'H264',
    zlm: [0, 'H264'],
    depacketizers: {
      // Mode 2 sends NAL units out of order with decoding order numbers (RFC 6184 §6.4).
      H264: (format, sink, traits) =>
        format.fmtp.get('packetization-mode')?.trim() === '2' ? undefined : new H264Depacketizer(format, sink, traits),
    },
    packetize: packetizeH264,
    packetizeParameters: packetizeH264Parameters,
    sampleEntry: (track) => entry.visualEntry('avc1', track, entry.avcC(track)),
    tsFormat: () => ({ streamType: 0x1b, streamId: ts.VIDEO_ID, descriptors: [] }),
    flv: flv.h264Format,
    webrtc: { encoding: () => 'H264', priority: 5 },
    hls: { fmp4: true, mpegts: true },
  },
  h265: {
    kind: 'video',
    label: 'H265',
    zlm: [1, 'H265'],
    depacketizers: {
      H265: (format, sink, traits) =>
        Number(format.fmtp.get('sprop-max-don-diff') ?? 0) > 0 ? undefined : new H265Depacketizer(format, sink, traits),
    },
    packetize: packetizeH265,
    packetizeParameters: packetizeH265Parameters,
    // hvc1, not hev1: parameter sets are in the entry only, as Apple's players require.
    sampleEntry: (track) => entry.visualEntry('hvc1', track, entry.hvcC(track)),
    tsFormat: () => ({ streamType: 0x24, streamId: ts.VIDEO_ID, descriptors: ts.registration('HEVC') }),
    flv: flv.h265Format,
    webrtc: { encoding: () => 'H265', priority: 4 },
    // In fMP4 only, by Apple's authoring specification; no browser plays it in transport streams.
    hls: { fmp4: true },
  },
  av1: {
    kind: 'video',
    label: 'AV1',
    zlm: [9, 'AV1'],
    depacketizers: { AV1: (_format, sink) => new Av1Depacketizer(sink) },
    packetize: packetizeAv1,
    sampleEntry: (track) => entry.visualEntry('av01', track, entry.av1C(track)),
    flv: flv.av1Format,
    webrtc: { encoding: () => 'AV1', priority: 1 },
    hls: { fmp4: true },
  },
  vp8: {
    kind: 'video',
    label: 'VP8',
    zlm: [7, 'VP8'],
    depacketizers: { VP8: (_format, sink) => new Vp8Depacketizer(sink) },
    packetize: packetizeVp8,
    sampleEntry: (track) => entry.visualEntry('vp08', track, entry.vpcC(track)),
    webrtc: { encoding: () => 'VP8', priority: 3 },
  },
  vp9: {
    kind: 'video',
    label: 'VP9',
    zlm: [8, 'VP9'],
    depacketizers: { VP9: (_format, sink) => new Vp9Depacketizer(sink) },
    packetize: packetizeVp9,
    sampleEntry: (track) => entry.visualEntry('vp09', track, entry.vpcC(track)),
    flv: flv.vp9Format,
    webrtc: { encoding: () => 'VP9', priority: 2 },
    hls: { fmp4: true },
  },
  mjpeg: {
    kind: 'video',
    label: 'M-JPEG',
    zlm: [10, 'JPEG'],
    depacketizers: { JPEG: (format, sink) => new MjpegDepacketizer(format, sink) },
    packetize: packetizeMjpeg,
    sampleEntry: (track) => entry.visualEntry('mp4v', track, entry.esds('jpeg', undefined)),
  },
  'mpeg4-video': {
    kind: 'video',
    label: 'MPEG-4 Video',
    depacketizers: { 'MP4V-ES': (format, sink) => new Mpeg4VideoDepacketizer(format, sink) },
    packetize: packetizeUnchanged,
    sampleEntry: (track) => entry.visualEntry('mp4v', track, entry.esds('mpeg4Video', track.config)),
    tsFormat: () => ({ streamType: 0x10, streamId: ts.VIDEO_ID, descriptors: [] }),
  },
  'mpeg-video': {
    kind: 'video',
    label: 'MPEG-1/2 Video',
    depacketizers: { MPV: createMpegVideoDepacketizer },
    packetize: packetizeMpegVideo,
    sampleEntry: (track) =>
      entry.visualEntry('mp4v', track, entry.esds(track.version === 1 ? 'mpeg1Video' : 'mpeg2Video', track.config)),
    tsFormat: ({ version }) => ({ streamType: version, streamId: ts.VIDEO_ID, descriptors: [] }),
  },
  aac: {
    kind: 'audio',
    label: 'MPEG-4 Audio',
    zlm: [2, 'mpeg4-generic'],
    depacketizers: { 'MPEG4-GENERIC': createAacDepacketizer, 'MP4A-LATM': createLatmDepacketizer },
    packetize: packetizeAac,
    sampleEntry: (track) => entry.audioEntry('mp4a', track, entry.esds('mpeg4Audio', track.config)),
    tsFormat: ts.aacFormat,
    flv: flv.aacFormat,
    hls: { fmp4: true, mpegts: true },
  },
  opus: {
    kind: 'audio',
    label: 'Opus',
    zlm: [5, 'opus'],
    depacketizers: { OPUS: createOpusDepacketizer, MULTIOPUS: createMultiopusDepacketizer },
    packetize: packetizeOpus,
    sampleEntry: (track) => entry.audioEntry('Opus', track, entry.dOps(track)),
    tsFormat: ts.opusFormat,
    flv: flv.opusFormat,
    webrtc: { encoding: (track) => (track.layout ? 'MULTIOPUS' : 'OPUS') },
    hls: { fmp4: true },
  },
  flac: {
    kind: 'audio',
    label: 'FLAC',
    zlm: [-1, 'FLAC'],
    sampleEntry: (track) => entry.audioEntry('fLaC', track, entry.dfLa(track)),
    flv: flv.flacFormat,
    hls: { fmp4: true },
  },
  'mpeg-audio': {
    kind: 'audio',
    label: 'MPEG-1/2 Audio',
    zlm: [14, 'MP3'],
    depacketizers: { MPA: createMpegAudioDepacketizer },
    packetize: packetizeMpegAudio,
    sampleEntry: (track) => entry.audioEntry('mp4a', track, entry.esds(track, undefined)),
    tsFormat: ts.mpegAudioFormat,
    flv: flv.mpegAudioFormat,
    // In fMP4 Chromium rejects MP3 in Media Source Extensions, and its own HLS player stops even if another variant has none.
    hls: { label: 'MP3', mpegts: true, takes: (track) => track.layer === 3 },
  },
  ac3: {
    kind: 'audio',
    label: 'AC3',
    zlm: [-1, 'AC3'],
    depacketizers: { AC3: createAc3Depacketizer },
    packetize: packetizeAc3,
    sampleEntry: (track) => entry.audioEntry('ac-3', track, entry.dac3(track)),
    // ATSC A/52 annex A §A4.1: the form of North America, which all players understand.
    tsFormat: () => ({ streamType: 0x81, streamId: ts.PRIVATE_ID, descriptors: ts.registration('AC-3') }),
    flv: flv.ac3Format,
    hls: { fmp4: 'rare', mpegts: true },
  },
  eac3: {
    kind: 'audio',
    label: 'EAC3',
    zlm: [-1, 'EAC3'],
    depacketizers: { EAC3: createEac3Depacketizer },
    packetize: packetizeEac3,
    sampleEntry: (track) => entry.audioEntry('ec-3', track, entry.dec3(track)),
    // ATSC A/52 annex G.
    tsFormat: () => ({ streamType: 0x87, streamId: ts.PRIVATE_ID, descriptors: ts.registration('EAC3') }),
    flv: flv.eac3Format,
    hls: { fmp4: 'rare', mpegts: true },
  },
  g711: {
    kind: 'audio',
    label: 'G711',
    // With µ-law: 4, PCMU.
    zlm: [3, 'PCMA'],
    depacketizers: {
      PCMA: (format, sink) => createG711Depacketizer(format, 'a', sink),
      PCMU: (format, sink) => createG711Depacketizer(format, 'mu', sink),
    },
    packetize: packetizeSampleBased,
    fmp4As: 'flac',
    flv: flv.g711Format,
    webrtc: { encoding: (track) => (track.law === 'a' ? 'PCMA' : 'PCMU'), takes: isMono8kHz },
  },
  g722: {
    kind: 'audio',
    label: 'G722',
    zlm: [18, 'G722'],
    depacketizers: { G722: createG722Depacketizer },
    packetize: packetizeSampleBased,
    fmp4As: 'flac',
    webrtc: { encoding: () => 'G722', takes: isMono8kHz },
  },
  lpcm: {
    kind: 'audio',
    label: 'LPCM',
    zlm: [6, 'L16'],
    depacketizers: {
      L8: (format, sink) => createLpcmDepacketizer(format, 8, sink),
      L16: (format, sink) => createLpcmDepacketizer(format, 16, sink),
      L24: (format, sink) => createLpcmDepacketizer(format, 24, sink),
      ...G726_DEPACKETIZERS,
    },
    packetize: packetizeSampleBased,
    fmp4As: 'flac',
  },
  klv: {
    kind: 'data',
    label: 'KLV',
    // Some encoders misspell the name of RFC 6597.
    depacketizers: { SMPTE336M: createKlvDepacketizer, SMTPE336M: createKlvDepacketizer },
    packetize: packetizeUnchanged,
    tsFormat: () => ts.KLV_FORMAT,
  },
  generic: {
    kind: 'data',
    label: 'Generic',
    packetize: packetizeGeneric,
  },
  'mpeg-ts': {
    kind: 'multiplex',
    label: 'MPEG-TS',
    depacketizers: { MP2T: createMpegTsDepacketizer },
    packetize: packetizeMpegTs,
  },
};

export const CODECS: readonly CodecInfo[] = Object.values<CodecInfo>(TABLE);

export const codecOf = (track: Pick<Track, 'codec'>): CodecInfo => TABLE[track.codec];

/** The codec for playlists and `MediaSource.isTypeSupported` (RFC 6381), or undefined if MP4 does not hold it, or it has no such value. */
export function codecString(track: Track): string | undefined {
  const entryOf = codecOf(track).sampleEntry;
  return entryOf && entryCodec(entryOf(track));
}

/** @throws PerchError 'unsupported': MP4 cannot carry the codec, or browsers reject the whole file */
export function sampleEntry(track: Track): Uint8Array {
  const { sampleEntry: write, label } = codecOf(track);
  if (!write) {
    throw new PerchError('unsupported', `${label} is not stored in MP4`);
  }
  return write(track);
}

const byEncoding = new Map(CODECS.flatMap(({ depacketizers = {} }) => Object.entries(depacketizers)));

const DISCARD = { onUnit: () => {}, onTrack: () => {}, onDamage: () => {} };

/** Whether the codec of a format and its packetization are supported. */
export const isSupported = (format: RtpFormat): boolean => createDepacketizer(format, DISCARD) !== undefined;

/** Whether a track is metadata of a camera, in a format without a codec: it goes to RTSP readers; no other player expects it. */
export const isMetadata = (track: Track): boolean => track.codec === 'generic' && track.media === 'application';

/** A format without a codec in a media section that RTSP readers may get as it is. */
export const isRelayable = (format: RtpFormat): boolean => !byEncoding.has(format.encoding);

/** Undefined: neither the codec nor another packing of it is supported. For video, `sink.onTrack` may be called with the first key unit. */
export function createDepacketizer(
  format: RtpFormat,
  sink: UnitSink,
  traits: SenderTraits = {},
): Depacketizer | undefined {
  const create = byEncoding.get(format.encoding);
  const { relayAs } = traits;
  return create || relayAs === undefined
    ? create?.(format, sink, traits)
    : new GenericDepacketizer(format, relayAs, sink);
}
