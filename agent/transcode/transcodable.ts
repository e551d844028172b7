import { readDecoderConfig } from '../media/aac/decode/config.ts';
import { AacDecoder } from '../media/aac/decode/decoder.ts';
import { codecOf } from '../media/codecs.ts';
import { isPcm, type PcmTrack, sampleRateOf } from '../media/pcm/decode.ts';
import type { AacTrack, FlacTrack, OpusTrack, Track } from '../media/sample/track.ts';

/** The rates of AAC, ISO/IEC 14496-3 table 1.18. Each rate costs a resampling table, so others are rejected. */
// biome-ignore format: as the table has it
const RATES_HZ = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const OPUS_CLOCK_HZ = 48_000;
/** 20 ms, the usual duration of an Opus packet: no audio waits for another packet. */
const FLAC_FRAMES_PER_SECOND = 50;
/** Enough for speech; music is usually stereo. */
const MONO_RATE_HZ = 24_000;

export type OpusSourceTrack = AacTrack | PcmTrack;

export function sourceFormatOf(track: OpusSourceTrack): { readonly rateHz: number; readonly channels: number } {
  return track.codec === 'aac'
    ? readDecoderConfig(track.config)
    : { rateHz: sampleRateOf(track), channels: track.channels };
}

/** Why a track cannot be transcoded to Opus, in words without commas; undefined if it can. */
export function whyNotOpus(track: Track): string | undefined {
  if (typeof WebAssembly === 'undefined') {
    return 'transcoding to Opus needs WebAssembly: this Node.js has none';
  }
  if (track.codec === 'aac') {
    const refusal = AacDecoder.refusalOf(track.config);
    if (refusal !== undefined) {
      return refusal.replaceAll(',', ':');
    }
  } else if (!isPcm(track)) {
    return `${trackName(track)} cannot be transcoded to Opus`;
  }
  const { rateHz } = sourceFormatOf(track);
  return RATES_HZ.includes(rateHz) ? undefined : `audio at ${rateHz} Hz cannot be transcoded to Opus`;
}

const trackName = (track: Track): string =>
  codecOf(track).label + (track.codec === 'lpcm' ? ` with ${track.channels} channels` : '');

export function opusTrackOf(track: OpusSourceTrack): OpusTrack {
  return { kind: 'audio', codec: 'opus', clockRate: OPUS_CLOCK_HZ, channels: sourceFormatOf(track).channels };
}

/** The FLAC track for players without Opus; undefined for more than two channels. */
export function flacTrackOf(track: OpusTrack): FlacTrack | undefined {
  if (track.layout || track.channels > 2 || typeof WebAssembly === 'undefined') {
    return undefined;
  }
  const clockRate = track.channels === 1 ? MONO_RATE_HZ : OPUS_CLOCK_HZ;
  const { channels } = track;
  return { kind: 'audio', codec: 'flac', clockRate, channels, frameSamples: clockRate / FLAC_FRAMES_PER_SECOND };
}
