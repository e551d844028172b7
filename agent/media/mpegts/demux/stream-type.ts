import { AC3 } from '../../ac3/params.ts';
import { EAC3 } from '../../eac3/params.ts';
import { H264Rules } from '../../h264/rules.ts';
import { H265Rules } from '../../h265/rules.ts';
import { MpegVideoFrames } from '../../mpeg-video/frames.ts';
import { Mpeg4VideoDepacketizer } from '../../mpeg4-video/depacketize.ts';
import type { SenderTraits, UnitSink } from '../../payload/depacketizer.ts';
import type { Track } from '../../sample/track.ts';
import { Ac3Frames, AdtsFrames, LoasFrames, MpegAudioFrames, OpusFrames } from './audio-frames.ts';
import type { ProgramTicks } from './clock.ts';
import { AudioElementary, FrameElementary, NalElementary } from './elementary.ts';
import { KlvElementary } from './klv.ts';
import type { Elementary } from './pes.ts';
import type { UnitOffset } from './pes-times.ts';
import { findDescriptor } from './tables.ts';

type Create = (sink: UnitSink, clock: ProgramTicks, place: UnitOffset, traits: SenderTraits) => Elementary;

/** What an elementary stream contains, and how its PES packets are read. */
export interface StreamKind {
  /** Undefined: not supported. */
  readonly codec?: Track['codec'];
  readonly label: string;
  readonly isVideo?: boolean;
  readonly create?: Create;
}

const H264: StreamKind = {
  codec: 'h264',
  label: 'H264',
  isVideo: true,
  create: (sink, clock, place, traits) => new NalElementary(new H264Rules(), sink, clock, place, traits),
};
const H265: StreamKind = {
  codec: 'h265',
  label: 'H265',
  isVideo: true,
  create: (sink, clock, place, traits) => new NalElementary(new H265Rules(), sink, clock, place, traits),
};
const MPEG4_VIDEO: StreamKind = {
  codec: 'mpeg4-video',
  label: 'MPEG-4 Video',
  isVideo: true,
  create: (sink, clock, place, { isFile }) =>
    new FrameElementary((times) => new Mpeg4VideoDepacketizer({ fmtp: new Map() }, sink, times, isFile), clock, place),
};
const MPEG_VIDEO: StreamKind = {
  codec: 'mpeg-video',
  label: 'MPEG-1/2 Video',
  isVideo: true,
  create: (sink, clock, place, { isFile }) =>
    new FrameElementary((times) => new MpegVideoFrames(sink, times, isFile), clock, place),
};
const ADTS: StreamKind = {
  codec: 'aac',
  label: 'MPEG-4 Audio',
  create: (sink, clock, place) => new AudioElementary(new AdtsFrames(sink), sink, clock, place),
};
const LOAS: StreamKind = {
  codec: 'aac',
  label: 'MPEG-4 Audio LATM',
  create: (sink, clock, place) => new AudioElementary(new LoasFrames(sink), sink, clock, place),
};
const MPEG_AUDIO: StreamKind = {
  codec: 'mpeg-audio',
  label: 'MPEG-1/2 Audio',
  create: (sink, clock, place) => new AudioElementary(new MpegAudioFrames(sink), sink, clock, place),
};
const AC3_AUDIO: StreamKind = {
  codec: 'ac3',
  label: 'AC3',
  create: (sink, clock, place) => new AudioElementary(new Ac3Frames(AC3, sink), sink, clock, place),
};
const EAC3_AUDIO: StreamKind = {
  codec: 'eac3',
  label: 'EAC3',
  create: (sink, clock, place) => new AudioElementary(new Ac3Frames(EAC3, sink), sink, clock, place),
};
const KLV: StreamKind = {
  codec: 'klv',
  label: 'KLV',
  create: (sink, clock, place) => new KlvElementary(false, sink, clock, place),
};
const KLV_METADATA: StreamKind = {
  codec: 'klv',
  label: 'KLV',
  create: (sink, clock, place) => new KlvElementary(true, sink, clock, place),
};

/** stream_type, ISO/IEC 13818-1 table 2-34, and those of ATSC and SCTE. */
const BY_TYPE: Readonly<Record<number, StreamKind>> = {
  1: MPEG_VIDEO,
  2: MPEG_VIDEO,
  3: MPEG_AUDIO,
  4: MPEG_AUDIO,
  5: { label: 'private sections' },
  15: ADTS,
  16: MPEG4_VIDEO,
  17: LOAS,
  21: { label: 'metadata' },
  27: H264,
  28: { label: 'MPEG-4 Audio without framing' },
  33: { label: 'JPEG 2000', isVideo: true },
  36: H265,
  51: { label: 'H266', isVideo: true },
  129: AC3_AUDIO,
  130: { label: 'DTS' },
  131: { label: 'TrueHD' },
  132: EAC3_AUDIO,
  134: { label: 'SCTE-35' },
  135: EAC3_AUDIO,
  138: { label: 'DTS' },
  234: { label: 'VC-1', isVideo: true },
};

/** format_identifier of the registration descriptor (§2.6.8), for private streams. */
const BY_REGISTRATION: Readonly<Record<string, StreamKind>> = {
  HEVC: H265,
  'AC-3': AC3_AUDIO,
  EAC3: EAC3_AUDIO,
  KLVA: KLV,
  AV01: { label: 'AV1', isVideo: true },
  BSSD: { label: 'SMPTE 302M' },
  DTS1: { label: 'DTS' },
  DTS2: { label: 'DTS' },
  DTS3: { label: 'DTS' },
  'ID3 ': { label: 'ID3' },
};

/** Descriptors of DVB (ETSI EN 300 468) that name the content of a private stream. */
const BY_DESCRIPTOR: readonly (readonly [tag: number, kind: StreamKind])[] = [
  [0x6a, AC3_AUDIO],
  [0x7a, EAC3_AUDIO],
  [0x7b, { label: 'DTS' }],
  [0x56, { label: 'teletext' }],
  [0x59, { label: 'DVB subtitles' }],
];

export const PRIVATE_TYPE = 0x06;
const METADATA_TYPE = 0x15;
const REGISTRATION = 0x05;
const METADATA = 0x26;
const EXTENSION = 0x7f;
const OPUS_EXTENSION = 0x80;

/** @param descriptors those of the stream in the programme map; without a codec in the result the stream is not supported */
export function streamKindOf(streamType: number, descriptors: Uint8Array, traits: SenderTraits = {}): StreamKind {
  const kind = streamKind(streamType, descriptors);
  return kind.codec === 'klv' && !traits.takesMetadata ? { label: kind.label } : kind;
}

function streamKind(streamType: number, descriptors: Uint8Array): StreamKind {
  const registered = asciiText(findDescriptor(descriptors, REGISTRATION), 0);
  if (streamType === PRIVATE_TYPE) {
    const kind = registered === 'Opus' ? opusKind(descriptors) : BY_REGISTRATION[registered];
    const named = BY_DESCRIPTOR.find(([tag]) => findDescriptor(descriptors, tag) !== undefined)?.[1];
    return kind ?? named ?? { label: registered === '' ? 'private data' : `private data '${registered}'` };
  }
  if (streamType === METADATA_TYPE) {
    // metadata_application_format 16, identifier 32 if it is 0xFFFF, format 8, identifier 32 (§2.6.60).
    const metadata = findDescriptor(descriptors, METADATA);
    return registered === 'KLVA' || /KLVA/.test(asciiText(metadata, 0, 16)) ? KLV_METADATA : { label: 'metadata' };
  }
  return BY_TYPE[streamType] ?? BY_REGISTRATION[registered] ?? { label: `stream type ${streamType}` };
}

/** channel_config_code: 0 is dual mono, above 8 other orders of channels. */
function opusKind(descriptors: Uint8Array): StreamKind {
  const extension = findDescriptor(descriptors, EXTENSION);
  const channels = extension?.[0] === OPUS_EXTENSION ? (extension[1] ?? 2) : 2;
  if (channels < 1 || channels > 8) {
    return { label: `Opus with channel configuration ${channels}` };
  }
  return {
    codec: 'opus',
    label: 'Opus',
    create: (sink, clock, place) => new AudioElementary(new OpusFrames(sink, channels), sink, clock, place),
  };
}

const asciiText = (bytes: Uint8Array | undefined, start: number, size = 4): string =>
  String.fromCharCode(...(bytes ?? []).slice(start, start + size)).replace(/[^\x20-\x7e]/g, '.');
