import { readDecoderConfig } from '../media/aac/decode/config.ts';
import { AacDecoder } from '../media/aac/decode/decoder.ts';
import { isPcm, type PcmTrack, sampleRateOf } from '../media/pcm/decode.ts';
import { type AacTrack, CODEC_LABEL, type FlacTrack, type OpusTrack, type Track } from '../media/track.ts';

/** What libopus takes, RFC 6716 §2. */
const OPUS_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000];
/** What others are turned into first. */
const TURNED_RATES_HZ: Readonly<Record<number, number>> = {
  11025: 12_000,
  22050: 24_000,
  32000: 48_000,
  44100: 48_000,
};
const OPUS_CLOCK_HZ = 48_000;
/** 20 ms: what Opus packets mostly last, so that no sound waits for another packet. */
const FLAC_FRAMES_PER_SECOND = 50;
/** Speech loses nothing by it; music is in stereo. */
const MONO_RATE_HZ = 24_000;

/** Sound that becomes Opus. */
export type OpusOrigin = AacTrack | PcmTrack;

/** The rate at which sound of this one is coded; undefined: it cannot be. */
export const opusRateOf = (rateHz: number): number | undefined =>
  OPUS_RATES_HZ.includes(rateHz) ? rateHz : TURNED_RATES_HZ[rateHz];

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
  return opusRateOf(rateHz) === undefined ? `sound of ${rateHz} Hz cannot be turned into Opus` : undefined;
}

/** With what stands in the way of LPCM. */
const nameOf = (track: Track): string =>
  CODEC_LABEL[track.codec] + (track.codec === 'lpcm' ? ` with ${track.channels} channels` : '');

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
