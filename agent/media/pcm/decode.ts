import { A_LAW, A_LAW_UNUSED_BITS, MU_LAW, MU_LAW_UNUSED_BITS } from '../g711/decode.ts';
import { G722Decoder } from '../g722/decode.ts';
import type { G711Track, G722Track, LpcmTrack, Track } from '../sample/track.ts';

/** Audio in which each byte has a fixed duration: PCM, G.711, G.722. */
export type PcmTrack = G711Track | G722Track | LpcmTrack;

/** Writes the 16-bit values of `data` to the beginning of `into`; an incomplete value is ignored. @returns the number of values */
type DecodePcm = (data: Uint8Array, into: Int16Array) => number;

/** Decodes a track to 16-bit values, channels interleaved. */
export interface PcmDecoder {
  readonly decode: DecodePcm;
  /** Upper bound of the values per byte of data. */
  readonly valuesPerByte: number;
  /** Low bits that are 0 in every value. */
  readonly unusedBits: number;
}

/** Beyond two, players disagree on the order of channels. */
const MAX_CHANNELS = 2;
const G722_RATE_HZ = 16_000;

/** Whether the track is PCM, G.711 or G.722 with at most two channels. */
export const isPcm = (track: Track): track is PcmTrack =>
  (track.codec === 'g711' || track.codec === 'g722' || track.codec === 'lpcm') && track.channels <= MAX_CHANNELS;

/** PCM samples per channel and second: the RTP clock, except for G.722 (RFC 3551 §4.5.2). */
export const sampleRateOf = (track: PcmTrack): number => (track.codec === 'g722' ? G722_RATE_HZ : track.clockRate);

/** A decoder for one track; it may keep state between samples. */
export function pcmDecoderOf(track: PcmTrack): PcmDecoder {
  if (track.codec === 'g711') {
    const table = track.law === 'a' ? A_LAW : MU_LAW;
    const unusedBits = track.law === 'a' ? A_LAW_UNUSED_BITS : MU_LAW_UNUSED_BITS;
    return { decode: (data, into) => decodeTable(table, data, into), valuesPerByte: 1, unusedBits };
  }
  if (track.codec === 'g722') {
    return g722DecoderOf(track);
  }
  switch (track.bitDepth) {
    case 8:
      return { decode: decode8, valuesPerByte: 1, unusedBits: 8 };
    case 16:
      return { decode: decode16, valuesPerByte: 1 / 2, unusedBits: 0 };
    case 24:
      return { decode: decode24, valuesPerByte: 1 / 3, unusedBits: 0 };
  }
}

/** Channels are interleaved by byte. */
function g722DecoderOf({ channels }: G722Track): PcmDecoder {
  const decoders = Array.from({ length: channels }, () => new G722Decoder());
  const decode: DecodePcm = (data, into) => {
    let count = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      count += (decoders[channel] as G722Decoder).decode(data, into, channel, channels);
    }
    return count;
  };
  return { decode, valuesPerByte: 2, unusedBits: 0 };
}

function decodeTable(table: Int16Array, data: Uint8Array, into: Int16Array): number {
  for (let i = 0; i < data.length; i += 1) {
    into[i] = table[data[i] as number] as number;
  }
  return data.length;
}

/** Silence is 128, RFC 3551 §4.5.10. */
function decode8(data: Uint8Array, into: Int16Array): number {
  for (let i = 0; i < data.length; i += 1) {
    into[i] = ((data[i] as number) - 128) << 8;
  }
  return data.length;
}

function decode16(data: Uint8Array, into: Int16Array): number {
  const count = data.length >> 1;
  for (let i = 0; i < count; i += 1) {
    into[i] = ((data[2 * i] as number) << 8) | (data[2 * i + 1] as number);
  }
  return count;
}

/** Drops the lower eight bits, which are noise in every camera microphone. */
function decode24(data: Uint8Array, into: Int16Array): number {
  const count = Math.floor(data.length / 3);
  for (let i = 0; i < count; i += 1) {
    into[i] = ((data[3 * i] as number) << 8) | (data[3 * i + 1] as number);
  }
  return count;
}
