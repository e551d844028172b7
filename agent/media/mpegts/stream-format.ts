import { unlessExpected } from '../../base/errors.ts';
import { parseAacConfig, writeAacConfig } from '../aac/params.ts';
import type { AacTrack, MpegAudioTrack, OpusTrack } from '../sample/track.ts';

/** A track in the programme map and in its PES packets. */
export interface TsFormat {
  /** stream_type, ISO/IEC 13818-1 table 2-34. */
  readonly streamType: number;
  /** stream_id of PES packets, table 2-22. */
  readonly streamId: number;
  /** Whole descriptors for the programme map. */
  readonly descriptors: readonly number[];
}

export const VIDEO_ID = 0xe0;
const AUDIO_ID = 0xc0;
/** private_stream_1, for streams with a registration descriptor. */
export const PRIVATE_ID = 0xbd;
const PRIVATE_TYPE = 0x06;

/** registration_descriptor, ISO/IEC 13818-1 §2.6.8. */
export const registration = (name: string): readonly number[] => [5, 4, ...[...name].map((c) => c.charCodeAt(0))];

/** Undefined: ADTS cannot express the track. */
export const aacFormat = (track: AacTrack): TsFormat | undefined =>
  adtsFields(track) === undefined ? undefined : { streamType: 0x0f, streamId: AUDIO_ID, descriptors: [] };

/** ISO/IEC 11172-3, or 13818-3 for the low sampling rates. */
export const mpegAudioFormat = ({ version }: MpegAudioTrack): TsFormat => ({
  streamType: version === 1 ? 0x03 : 0x04,
  streamId: AUDIO_ID,
  descriptors: [],
});

/**
 * The bits of an ADTS header that do not change: profile, sampling_frequency_index, channel_configuration (ISO/IEC 14496-3 §1.A.2.2),
 * in the header's third and fourth byte. Undefined: ADTS cannot express it (frames of 960 samples, low delay, other rates).
 */
export function adtsFields(track: AacTrack): number | undefined {
  const parsed = unlessExpected(() => parseAacConfig(track.config));
  const plain = parsed && writeAacConfig(parsed.rateHz, parsed.channels);
  if (!plain || parsed.objectType > 4 || parsed.frameSamples !== 1024) {
    return undefined;
  }
  const config = ((plain[0] as number) << 8) | (plain[1] as number);
  return ((parsed.objectType - 1) << 14) | (((config >> 7) & 0x0f) << 10) | (((config >> 3) & 0x07) << 6);
}

/** metadata_descriptor, ISO/IEC 13818-1 §2.6.60: application format 0x0100, format 0xff with its identifier "KLVA", service 0. */
const METADATA_DESCRIPTOR = [0x26, 9, 1, 0, 0xff, 0x4b, 0x4c, 0x56, 0x41, 0, 0x0f];
/** metadata_std_descriptor, §2.6.62, without buffer sizes. */
const METADATA_STD_DESCRIPTOR = [0x27, 9, 0xc0, 0, 0, 0xc0, 0, 0, 0xc0, 0, 0];

/** Synchronous KLV, MISB ST 1402. */
export const KLV_FORMAT: TsFormat = {
  streamType: 0x15,
  streamId: 0xfc,
  descriptors: [...METADATA_DESCRIPTOR, ...METADATA_STD_DESCRIPTOR],
};

/** Streams, coupled streams and mapping, by channels from 3: not defined by RFC 7845 §5.1.1.2, but used by all encoders. */
export const USUAL_LAYOUTS = [
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
] as const;

/**
 * "Opus in MPEG-2 TS", as ETSI TS 101 154 refers to it: the extension descriptor 0x80 has channel_config_code.
 * Undefined: another order of channels.
 */
export function opusFormat({ channels, layout }: OpusTrack): TsFormat | undefined {
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
