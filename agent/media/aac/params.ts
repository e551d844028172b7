import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';

/** samplingFrequencyIndex, ISO/IEC 14496-3 table 1.18. */
const RATES_HZ = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const EXPLICIT_RATE = 15;
/** channelConfiguration, ISO/IEC 14496-3 table 1.19; 0: in the bit stream. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];
const AAC_LC = 2;
const SBR = 5;
const PARAMETRIC_STEREO = 29;
const ESCAPE = 31;
const LOW_DELAY = 23;
/** Object types with a GASpecificConfig. */
const GENERAL_AUDIO = [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, LOW_DELAY];
/** The first error resilient type; these have an epConfig at the end. */
const FIRST_RESILIENT = 17;
const SCALABLE = [6, 20];
const BIT_SLICED = 22;
const WITH_RESILIENCE_FLAGS = [17, 19, 20, LOW_DELAY];

/** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1. */
export interface AacConfig {
  /** 2: AAC-LC. */
  readonly objectType: number;
  /** Sample rate of the core, without spectral band replication. */
  readonly rateHz: number;
  /** Channel count; 0: given in the bit stream only. */
  readonly channels: number;
  /** PCM samples in one frame at `rateHz`: 1024 or 960, with low delay 512 or 480. */
  readonly frameSamples: number;
  /** Output rate of explicitly signalled spectral band replication (HE-AAC), or undefined if not signalled. */
  readonly sbrRateHz: number | undefined;
}

/** @param config AudioSpecificConfig @throws PerchError if it is invalid, 'unsupported' if the codec is not AAC */
export function parseAacConfig(config: Uint8Array): AacConfig {
  return readAacConfig(new BitReader(config, 0, config.length, false));
}

/** Reads an AudioSpecificConfig up to frameLengthFlag. @throws PerchError like `parseAacConfig` */
export function readAacConfig(bits: BitReader): AacConfig {
  let objectType = readObjectType(bits);
  const rateHz = readRate(bits);
  const channelConfig = bits.bits(4);
  const channels = CHANNELS[channelConfig];
  if (channels === undefined) {
    throw new PerchError('badInput', `AAC channel configuration ${channelConfig}, 0 to 7 allowed`);
  }
  let sbrRateHz: number | undefined;
  if (objectType === SBR || objectType === PARAMETRIC_STEREO) {
    sbrRateHz = readRate(bits);
    objectType = readObjectType(bits);
  }
  if (!GENERAL_AUDIO.includes(objectType)) {
    throw new PerchError('unsupported', `MPEG-4 audio object type ${objectType} is not AAC`);
  }
  // GASpecificConfig begins with frameLengthFlag (§4.4.1).
  const whole = bits.flag() ? 960 : 1024;
  const frameSamples = objectType === LOW_DELAY ? whole / 2 : whole;
  return { objectType, rateHz, channels, frameSamples, sbrRateHz };
}

/** Skips the rest of a config without a length: GASpecificConfig, ISO/IEC 14496-3 §4.4.1, and epConfig, §1.6.2.1. */
export function skipAacConfig(bits: BitReader): void {
  const { objectType, channels } = readAacConfig(bits);
  if (channels === 0) {
    throw new PerchError('unsupported', 'AAC channel configuration 0 in LATM: only 1 to 7 allowed');
  }
  if (bits.flag()) {
    bits.skip(14); // coreCoderDelay
  }
  const isExtended = bits.flag();
  if (SCALABLE.includes(objectType)) {
    bits.skip(3); // layerNr
  }
  if (isExtended) {
    if (objectType === BIT_SLICED) {
      bits.skip(5 + 11); // numOfSubFrame, layer_length
    } else if (WITH_RESILIENCE_FLAGS.includes(objectType)) {
      bits.skip(3); // resilience flags
    }
    bits.skip(1); // extensionFlag3
  }
  const protection = objectType >= FIRST_RESILIENT ? bits.bits(2) : 0;
  if (protection > 1) {
    throw new PerchError('unsupported', `AAC with epConfig ${protection}, 0 and 1 allowed`);
  }
}

/** channelConfiguration for a number of channels in their usual layout. */
export function aacConfigurationOf(channels: number): number | undefined {
  const configuration = CHANNELS.indexOf(channels);
  return configuration > 0 ? configuration : undefined;
}

/** An AudioSpecificConfig for AAC-LC, for streams without one. Undefined: it cannot express the rate or the channel count. */
export function writeAacConfig(rateHz: number, channels: number): Uint8Array | undefined {
  const rateIndex = RATES_HZ.indexOf(rateHz);
  const channelConfig = aacConfigurationOf(channels);
  if (rateIndex < 0 || channelConfig === undefined) {
    return undefined;
  }
  const bits = (AAC_LC << 11) | (rateIndex << 7) | (channelConfig << 3);
  return Uint8Array.of(bits >> 8, bits & 0xff);
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === ESCAPE ? 32 + bits.bits(6) : type;
}

function readRate(bits: BitReader): number {
  const index = bits.bits(4);
  const rateHz = index === EXPLICIT_RATE ? bits.bits(24) : RATES_HZ[index];
  if (rateHz === undefined || rateHz < 1000 || rateHz > 192_000) {
    throw new PerchError('badInput', `AAC sample rate ${rateHz ?? `index ${index}`}, 1000 to 192000 Hz allowed`);
  }
  return rateHz;
}
