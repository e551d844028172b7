import { readDecoderConfig } from '../media/aac/decode/config.ts';
import { AacDecoder } from '../media/aac/decode/decoder.ts';
import { codecOf } from '../media/codecs.ts';
import { isPcm, type PcmTrack, sampleRateOf } from '../media/pcm/decode.ts';
import type { AacTrack, FlacTrack, OpusTrack, Track } from '../media/sample/track.ts';

/** Those of AAC, ISO/IEC 14496-3 table 1.18; others would take tables without end. */
// biome-ignore format: as the table has it
const RATES_HZ = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const OPUS_CLOCK_HZ = 48_000;
/** 20 ms: what Opus packets mostly last, so that no sound waits for another packet. */
const FLAC_FRAMES_PER_SECOND = 50;
/** Speech loses nothing by it; music is in stereo. */
const MONO_RATE_HZ = 24_000;

/** Sound that becomes Opus. */
export type OpusOrigin = AacTrack | PcmTrack;

/** What the sound is at its origin. */
export function originOf(track: OpusOrigin): { readonly rateHz: number; readonly channels: number } {
  return track.codec === 'aac'
    ? readDecoderConfig(track.config)
    : { rateHz: sampleRateOf(track), channels: track.channels };
}

/** Why a track cannot become Opus, in words for people without commas; undefined: it can. */
export function whyNotOpus(track: Track): string | undefined {
  if (typeof WebAssembly === 'undefined') {
    return 'turning it into Opus takes WebAssembly: this Node.js has none';
  }
  if (track.codec === 'aac') {
    const refusal = AacDecoder.refusalOf(track.config);
    if (refusal !== undefined) {
      return refusal.replaceAll(',', ':');
    }
  } else if (!isPcm(track)) {
    return `${nameOf(track)} cannot be turned into Opus`;
  }
  const { rateHz } = originOf(track);
  return RATES_HZ.includes(rateHz) ? undefined : `sound of ${rateHz} Hz cannot be turned into Opus`;
}

/** With what stands in the way of LPCM. */
const nameOf = (track: Track): string =>
  codecOf(track).label + (track.codec === 'lpcm' ? ` with ${track.channels} channels` : '');

/** The track that Opus of this one is. */
export function opusTrackOf(track: OpusOrigin): OpusTrack {
  return { kind: 'audio', codec: 'opus', clockRate: OPUS_CLOCK_HZ, channels: originOf(track).channels };
}

/** The FLAC that Opus becomes for players without it; undefined: of more than two channels there is none. */
export function flacOfOpus(track: OpusTrack): FlacTrack | undefined {
  if (track.layout || track.channels > 2 || typeof WebAssembly === 'undefined') {
    return undefined;
  }
  const clockRate = track.channels === 1 ? MONO_RATE_HZ : OPUS_CLOCK_HZ;
  const { channels } = track;
  return { kind: 'audio', codec: 'flac', clockRate, channels, frameSamples: clockRate / FLAC_FRAMES_PER_SECOND };
}
