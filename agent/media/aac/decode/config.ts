import { PerchError } from '../../../base/errors.ts';
import { BitReader } from '../../payload/bit-reader.ts';
import { type AacConfig, readAacConfig } from '../params.ts';
import { readChannelLayout } from './program.ts';

/** The fields of an AudioSpecificConfig that the decoder needs. */
interface DecoderConfig {
  readonly rateHz: number;
  readonly channels: 1 | 2;
}

const AAC_LC = 2;
const PARAMETRIC_STEREO = 29;
const SBR = 5;
const SBR_SYNC = 0x2b7;
const STEREO_SYNC = 0x548;
const SYNC_BITS = 11;
const MAX_CHANNELS = 2;
const FRAME_SAMPLES = 1024;

/** Other codecs among the audio object types, ISO/IEC 14496-3 table 1.17. */
const OBJECT_TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'AAC Main',
  3: 'AAC SSR',
  4: 'AAC LTP',
  6: 'AAC Scalable',
  7: 'TwinVQ',
  17: 'error resilient AAC-LC',
  19: 'error resilient AAC LTP',
  20: 'error resilient AAC Scalable',
  21: 'error resilient TwinVQ',
  22: 'error resilient BSAC',
  23: 'AAC-LD',
};

/** Reads an AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1, of mono or stereo AAC-LC. @throws PerchError with the name of another codec */
export function readDecoderConfig(config: Uint8Array): DecoderConfig {
  const bits = new BitReader(config, 0, config.length, false);
  const aac = readAacConfig(bits);
  rejectOther(aac, config);
  // The rest of GASpecificConfig, §4.4.1.
  if (bits.flag()) {
    bits.skip(14); // coreCoderDelay
  }
  bits.skip(1); // extensionFlag: has no meaning for AAC-LC
  const channels = aac.channels === 0 ? readChannelLayout(bits) : aac.channels;
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw new PerchError('unsupported', `AAC with ${channels} channels, at most ${MAX_CHANNELS} are decoded`);
  }
  const replication = readReplication(bits, 8 * config.length);
  if (replication) {
    throw new PerchError('unsupported', `${replication} is not decoded, only AAC-LC is`);
  }
  return { rateHz: aac.rateHz, channels: channels as 1 | 2 };
}

function rejectOther(aac: AacConfig, config: Uint8Array): void {
  const firstType = (config[0] as number) >> 3;
  if (aac.sbrRateHz !== undefined) {
    const name = firstType === PARAMETRIC_STEREO ? 'HE-AAC v2' : 'HE-AAC';
    throw new PerchError('unsupported', `${name} is not decoded, only AAC-LC is`);
  }
  if (aac.objectType !== AAC_LC) {
    const name = OBJECT_TYPE_NAMES[aac.objectType] ?? `audio object type ${aac.objectType}`;
    throw new PerchError('unsupported', `${name} is not decoded, only AAC-LC is`);
  }
  if (aac.frameSamples !== FRAME_SAMPLES) {
    const { frameSamples } = aac;
    throw new PerchError('unsupported', `AAC frames of ${frameSamples} samples are not decoded, only ${FRAME_SAMPLES}`);
  }
}

/**
 * Spectral band replication signalled after the config of the core (syncExtensionType), where old decoders ignore it.
 * @returns the resulting codec, or undefined if not signalled
 */
function readReplication(bits: BitReader, sizeBits: number): string | undefined {
  if (sizeBits - bits.positionBits < SYNC_BITS + 6 || bits.bits(SYNC_BITS) !== SBR_SYNC || bits.bits(5) !== SBR) {
    return undefined;
  }
  if (!bits.flag()) {
    return undefined;
  }
  bits.skip(bits.bits(4) === 15 ? 24 : 0);
  const isStereo = sizeBits - bits.positionBits > SYNC_BITS && bits.bits(SYNC_BITS) === STEREO_SYNC && bits.flag();
  return isStereo ? 'HE-AAC v2' : 'HE-AAC';
}
