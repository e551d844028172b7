import { Bits } from './aac-bits.ts';

/** Sample rates by sampling_frequency_index. */
export const ADTS_RATES_HZ = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
];

/** A frame after an ADTS header without checksum, ISO/IEC 14496-3 §1.A.2.2. */
export function withAdts(frame: Uint8Array, rateHz: number, channels: number): Uint8Array {
  const bits = new Bits();
  bits.put(0xfff1, 16);
  bits.put(1, 2); // AAC-LC
  bits.put(ADTS_RATES_HZ.indexOf(rateHz), 4);
  bits.put(channels, 4);
  bits.put(0, 4);
  bits.put(frame.length + 7, 13);
  bits.put(0x7ff, 11);
  bits.put(0, 2);
  return Uint8Array.from([...bits.bytes(), ...frame]);
}

/** The frames of a file with ADTS headers. */
export function* adtsFrames(file: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 7 <= file.length; ) {
    const [, hasNoCrc = 0, , high = 0, middle = 0, low = 0] = file.subarray(at);
    const size = ((high & 3) << 11) | (middle << 3) | (low >> 5);
    yield file.subarray(at + ((hasNoCrc & 1) === 1 ? 7 : 9), at + size);
    at += size;
  }
}
