import { A_LAW, A_LAW_UNUSED_BITS, MU_LAW, MU_LAW_UNUSED_BITS } from '../g711/decode.ts';
import type { G711Track, LpcmTrack } from '../track.ts';

/** Sound that is stored as FLAC: every byte has its place in time. */
export type PcmTrack = G711Track | LpcmTrack;

/** Writes the 16-bit values of `data` to the beginning of `into`; bytes that make no whole value are left. @returns how many values */
export type DecodePcm = (data: Uint8Array, into: Int16Array) => number;

/** How a track's bytes become values of 16 bits. */
export interface PcmDecoder {
  readonly decode: DecodePcm;
  /** Most values that come of so many bytes. */
  readonly bytesPerValue: number;
  /** Low bits that are 0 in every value. */
  readonly unusedBits: number;
}

export function pcmDecoderOf(track: PcmTrack): PcmDecoder {
  if (track.codec === 'g711') {
    const table = track.law === 'a' ? A_LAW : MU_LAW;
    const unusedBits = track.law === 'a' ? A_LAW_UNUSED_BITS : MU_LAW_UNUSED_BITS;
    return { decode: (data, into) => decodeTable(table, data, into), bytesPerValue: 1, unusedBits };
  }
  switch (track.bitDepth) {
    case 8:
      return { decode: decode8, bytesPerValue: 1, unusedBits: 8 };
    case 16:
      return { decode: decode16, bytesPerValue: 2, unusedBits: 0 };
    case 24:
      return { decode: decode24, bytesPerValue: 3, unusedBits: 0 };
  }
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
