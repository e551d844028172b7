import { PerchError } from '../../base/errors.ts';
import { parseAacConfig, writeAacConfig } from '../aac/params.ts';
import type { AacTrack, MpegAudioTrack, OpusTrack, Track } from '../sample/track.ts';

/** How a track is announced in the programme map and in its PES packets. */
export interface TsFormat {
  /** ISO/IEC 13818-1 table 2-34. */
  readonly streamType: number;
  /** Of PES packets: table 2-22. */
  readonly streamId: number;
  /** Whole descriptors for the programme map. */
  readonly descriptors: readonly number[];
}

const VIDEO_ID = 0xe0;
const AUDIO_ID = 0xc0;
/** private_stream_1: of what a registration descriptor names. */
const PRIVATE_ID = 0xbd;
const PRIVATE_TYPE = 0x06;

/** registration_descriptor, ISO/IEC 13818-1 §2.6.8. */
const registration = (name: string): readonly number[] => [5, 4, ...[...name].map((c) => c.charCodeAt(0))];

/** Undefined: transport streams have no place for such a track, or none that players know. */
export function tsFormatOf(track: Track): TsFormat | undefined {
  switch (track.codec) {
    case 'h264':
      return { streamType: 0x1b, streamId: VIDEO_ID, descriptors: [] };
    case 'h265':
      return { streamType: 0x24, streamId: VIDEO_ID, descriptors: registration('HEVC') };
    case 'mpeg4-video':
      return { streamType: 0x10, streamId: VIDEO_ID, descriptors: [] };
    case 'aac':
      return adtsFields(track) === undefined ? undefined : { streamType: 0x0f, streamId: AUDIO_ID, descriptors: [] };
    case 'mpeg-audio':
      return { streamType: mpegAudioType(track), streamId: AUDIO_ID, descriptors: [] };
    case 'ac3':
      // ATSC A/52 annex A §A4.1: what North America and all players understand.
      return { streamType: 0x81, streamId: PRIVATE_ID, descriptors: registration('AC-3') };
    case 'opus':
      return opusFormat(track);
    default:
      return undefined;
  }
}

/** ISO/IEC 11172-3, or 13818-3 for the low sampling rates. */
const mpegAudioType = (track: MpegAudioTrack): number => (track.version === 1 ? 0x03 : 0x04);

/**
 * The bits of an ADTS header that do not change: profile, sampling_frequency_index, channel_configuration (ISO/IEC 14496-3 §1.A.2.2),
 * as they stand in the header's third and fourth byte. Undefined for what ADTS cannot say: frames of 960, low delay, other rates.
 */
export function adtsFields(track: AacTrack): number | undefined {
  try {
    const { objectType, rateHz, channels, frameSamples } = parseAacConfig(track.config);
    const plain = writeAacConfig(rateHz, channels);
    if (!plain || objectType > 4 || frameSamples !== 1024) {
      return undefined;
    }
    const config = ((plain[0] as number) << 8) | (plain[1] as number);
    return ((objectType - 1) << 14) | (((config >> 7) & 0x0f) << 10) | (((config >> 3) & 0x07) << 6);
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

/** What RFC 7845 §5.1.1.2 leaves open and every encoder does alike: streams, coupled streams and mapping by channels, from 3. */
const USUAL_LAYOUTS = [
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
] as const;

/** "Opus in MPEG-2 TS", as ETSI TS 101 154 refers to it: the extension descriptor 0x80 tells channel_config_code. */
function opusFormat({ channels, layout }: OpusTrack): TsFormat | undefined {
  const usual = USUAL_LAYOUTS[channels - 3];
  const isUsual =
    channels <= 2
      ? channels >= 1 && !layout
      : usual !== undefined &&
        layout?.streams === usual[0] &&
        layout.coupledStreams === usual[1] &&
        usual[2].every((index, i) => layout.mapping[i] === index);
  if (!isUsual) {
    return undefined;
  }
  return {
    streamType: PRIVATE_TYPE,
    streamId: PRIVATE_ID,
    descriptors: [...registration('Opus'), 0x7f, 2, 0x80, channels],
  };
}
