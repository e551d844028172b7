import { A_LAW, A_LAW_UNUSED_BITS, MU_LAW, MU_LAW_UNUSED_BITS } from '../g711/decode.ts';
import { G722Decoder } from '../g722/decode.ts';
import type { G711Track, G722Track, LpcmTrack, Track } from '../sample/track.ts';

/** Sound that is PCM, or becomes it by simple means: every byte has its place in time. */
export type PcmTrack = G711Track | G722Track | LpcmTrack;

/** Writes the 16-bit values of `data` to the beginning of `into`; bytes that make no whole value are left. @returns how many values */
type DecodePcm = (data: Uint8Array, into: Int16Array) => number;

/** How a track's bytes become values of 16 bits, channels interleaved. */
export interface PcmDecoder {
  readonly decode: DecodePcm;
  /** At most, without one that is not whole. */
  readonly valuesPerByte: number;
  /** Low bits that are 0 in every value. */
  readonly unusedBits: number;
}

/** Beyond two, the order of channels is not known to everybody. */
const MAX_CHANNELS = 2;
const G722_RATE_HZ = 16_000;

/** Whether it is such sound, with channels that everybody knows. */
export const isPcm = (track: Track): track is PcmTrack =>
  (track.codec === 'g711' || track.codec === 'g722' || track.codec === 'lpcm') && track.channels <= MAX_CHANNELS;

/** PCM samples of a channel in a second: RTP's clock but for G.722, where RFC 3551 §4.5.2 keeps an old mistake. */
export const sampleRateOf = (track: PcmTrack): number => (track.codec === 'g722' ? G722_RATE_HZ : track.clockRate);

/** For one track: it may remember what came before. */
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

/** Bytes of the channels take turns. */
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

/** The lower eight bits are let go: no microphone of a camera has anything but noise there. */
function decode24(data: Uint8Array, into: Int16Array): number {
  const count = Math.floor(data.length / 3);
  for (let i = 0; i < count; i += 1) {
    into[i] = ((data[3 * i] as number) << 8) | (data[3 * i + 1] as number);
  }
  return count;
}
