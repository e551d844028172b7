import { PerchError } from '../../base/errors.ts';
import type { BitReader } from '../payload/bit-reader.ts';
import { type AacConfig, parseAacConfig, skipAacConfig } from './params.ts';

/** Layout of frames in an AudioMuxElement, ISO/IEC 14496-3 §1.7.3. */
export interface LatmConfig {
  readonly aac: AacConfig;
  /** AudioSpecificConfig, in whole bytes. */
  readonly config: Uint8Array;
  /** Frames in each element. */
  readonly frames: number;
  /** Size of every frame; 0: precedes each frame. */
  readonly fixedBytes: number;
}

/** frameLengthType 1: sizes are counted from here, table 1.47. */
const FIXED_LENGTH_OFFSET_BYTES = 20;
const SYNC_BITS = 11;
const SBR_SYNC = 0x2b7;
const STEREO_SYNC = 0x548;
const EXPLICIT_RATE = 15;
/** An AudioSpecificConfig has 2 to about 10 bytes. */
const MAX_CONFIG_BITS = 512;

/**
 * StreamMuxConfig, table 1.42, at the reader's place. Several programs or layers are rejected.
 * @param data the reader's data, from its first bit
 */
export function readStreamMuxConfig(bits: BitReader, data: Uint8Array): LatmConfig {
  const version = bits.bits(1);
  if (version === 1 && bits.flag()) {
    throw new PerchError('unsupported', 'LATM with audioMuxVersionA 1, only 0 is defined');
  }
  if (version === 1) {
    readValue(bits); // taraBufferFullness
  }
  const isSameTiming = bits.flag();
  const frames = bits.bits(6) + 1;
  const [programs, layers] = [bits.bits(4) + 1, bits.bits(3) + 1];
  if (!isSameTiming || programs > 1 || layers > 1) {
    throw new PerchError('unsupported', `LATM with ${programs} programs and ${layers} layers, one of each allowed`);
  }
  const { aac, config } = version === 0 ? readConfig(bits, data) : readSizedConfig(bits, data);
  const fixedBytes = readFrameLength(bits);
  if (bits.flag()) {
    skipOtherLength(bits, version);
  }
  if (bits.flag()) {
    bits.skip(8); // crcCheckSum
  }
  return { aac, config, frames, fixedBytes };
}

/**
 * The AudioSpecificConfig signals its own end. GStreamer adds the extension of files after it, which is recognised by a reserved
 * frameLengthType.
 */
function readConfig(bits: BitReader, data: Uint8Array): Pick<LatmConfig, 'aac' | 'config'> {
  const startBit = bits.positionBits;
  skipAacConfig(bits);
  if (isNext(SBR_SYNC, bits, data)) {
    skipReplication(bits);
    if (isNext(STEREO_SYNC, bits, data)) {
      bits.skip(SYNC_BITS + 1); // psPresentFlag
    }
  }
  const config = cutBits(data, startBit, bits.positionBits);
  return { aac: parseAacConfig(config), config };
}

/** Spectral band replication, ISO/IEC 14496-3 §1.6.2.1: syncExtensionType, object type, sbrPresentFlag, rate. */
function skipReplication(bits: BitReader): void {
  bits.skip(SYNC_BITS + 5);
  if (bits.flag() && bits.bits(4) === EXPLICIT_RATE) {
    bits.skip(24);
  }
}

function isNext(word: number, bits: BitReader, data: Uint8Array): boolean {
  const at = bits.positionBits;
  const isThere = at + SYNC_BITS <= 8 * data.length;
  const [high = 0, low = 0] = isThere ? cutBits(data, at, at + SYNC_BITS) : [];
  return ((high << 8) | low) >> (16 - SYNC_BITS) === word;
}

/** With its length first: unknown extensions, such as spectral band replication, are skipped. */
function readSizedConfig(bits: BitReader, data: Uint8Array): Pick<LatmConfig, 'aac' | 'config'> {
  const lengthBits = readValue(bits);
  if (lengthBits > MAX_CONFIG_BITS) {
    throw new PerchError('badInput', `AudioSpecificConfig of ${lengthBits} bits in LATM, at most ${MAX_CONFIG_BITS}`);
  }
  const startBit = bits.positionBits;
  bits.skip(lengthBits);
  const config = cutBits(data, startBit, startBit + lengthBits);
  return { aac: parseAacConfig(config), config };
}

function readFrameLength(bits: BitReader): number {
  const type = bits.bits(3);
  if (type === 0) {
    bits.skip(8); // latmBufferFullness
    return 0;
  }
  if (type === 1) {
    return bits.bits(9) + FIXED_LENGTH_OFFSET_BYTES;
  }
  throw new PerchError('unsupported', `LATM with frameLengthType ${type}, which is not for AAC`);
}

/** Other bytes after the frames of each element are not read. */
function skipOtherLength(bits: BitReader, version: number): void {
  if (version === 1) {
    readValue(bits);
    return;
  }
  let isMore = true;
  while (isMore) {
    isMore = bits.flag();
    bits.skip(8);
  }
}

/** LatmGetValue, table 1.43: one to four bytes. */
function readValue(bits: BitReader): number {
  return bits.bits(8 * (bits.bits(2) + 1));
}

/** A byte-aligned copy of bits `[from, to)`. */
function cutBits(data: Uint8Array, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array((to - from + 7) >> 3);
  for (let bit = from; bit < to; bit += 1) {
    const isSet = ((data[bit >> 3] as number) >> (7 - (bit & 7))) & 1;
    const at = bit - from;
    bytes[at >> 3] = (bytes[at >> 3] as number) | (isSet << (7 - (at & 7)));
  }
  return bytes;
}
