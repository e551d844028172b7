import { PerchError } from '../../base/errors.ts';
import type { Ac3Track, Eac3Track } from '../sample/track.ts';

/*
 * The start of a syncframe, ETSI TS 102 366 §4.3:
 *   sync word 0x0B77 | crc1 16 | fscod 2 | frmsizecod 6 | bsid 5 | bsmod 3 | acmod 3 | mix levels 0 to 4 | lfeon 1 | …
 */
const HEADER_BYTES = 7;
export const FRAME_SAMPLES = 1536;
/** Higher values: half rates, never used, and from 11 on E-AC-3. */
const MAX_BSID = 8;

export interface Ac3Frame {
  readonly sampleRate: number;
  readonly channels: number;
  readonly sizeBytes: number;
  /** AC-3: AC3SpecificBox, annex F.4. E-AC-3: the last 24 bits of EC3SpecificBox, annex F.6. */
  readonly config: number;
  /** Its part that does not depend on the bit rate. */
  readonly fields: number;
  /** E-AC-3: the frame belongs to a further program, or adds channels to the one before. It is left out. */
  readonly isFurther?: boolean;
}

/** AC-3 or E-AC-3: both consist of syncframes of 1,536 samples. */
export interface Ac3Variant {
  readonly name: 'AC-3' | 'E-AC-3';
  /** The frame whose header is at `start`. @throws PerchError without a header there */
  parse(data: Uint8Array, start: number, end: number): Ac3Frame;
  track(frame: Ac3Frame): Ac3Track | Eac3Track;
}

export const AC3: Ac3Variant = {
  name: 'AC-3',
  parse: parseAc3Frame,
  track: ({ sampleRate: clockRate, channels, config }) => ({
    kind: 'audio',
    codec: 'ac3',
    clockRate,
    channels,
    config: Uint8Array.of(config >> 16, config >> 8, config),
  }),
};

/** By fscod. */
export const SAMPLE_RATES_HZ = [48_000, 44_100, 32_000];
/** By half of frmsizecod. */
const KBITS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/** By acmod, without the low-frequency channel: §4.4.2.3. */
export const CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5];
const STEREO = 2;

/** The frame whose header is at `start`. @throws PerchError without a header there */
function parseAc3Frame(data: Uint8Array, start: number, end: number): Ac3Frame {
  if (end - start < HEADER_BYTES) {
    throw new PerchError('badInput', `AC-3 header in ${end - start} bytes, ${HEADER_BYTES} needed`);
  }
  const at = (offset: number): number => data[start + offset] as number;
  if (at(0) !== 0x0b || at(1) !== 0x77) {
    throw new PerchError('badInput', `AC-3 frame begins with byte ${at(0)}, ${at(1)}: no sync word`);
  }
  const fscod = at(4) >> 6;
  const sizeCode = at(4) & 0x3f;
  const sampleRate = SAMPLE_RATES_HZ[fscod];
  const kbits = KBITS[sizeCode >> 1];
  if (sampleRate === undefined || kbits === undefined) {
    throw new PerchError('badInput', `AC-3 with fscod ${fscod} and frmsizecod ${sizeCode}, 0 to 2 and 0 to 37 allowed`);
  }
  const bsid = at(5) >> 3;
  if (bsid > MAX_BSID) {
    throw new PerchError('unsupported', `AC-3 with bsid ${bsid}, at most ${MAX_BSID} allowed`);
  }
  const bsmod = at(5) & 7;
  const acmod = at(6) >> 5;
  const lfeon = (at(6) >> (4 - mixLevelBits(acmod))) & 1;
  // At 44.1 kHz frames differ by a word, signalled by the lowest bit of the code.
  const words = Math.floor((kbits * 1000 * FRAME_SAMPLES) / (sampleRate * 16)) + (fscod === 1 ? sizeCode & 1 : 0);
  const fields = (fscod << 22) | (bsid << 17) | (bsmod << 14) | (acmod << 11) | (lfeon << 10);
  const channels = (CHANNELS[acmod] as number) + lfeon;
  return { sampleRate, channels, sizeBytes: 2 * words, fields, config: fields | ((sizeCode >> 1) << 5) };
}

/** cmixlev with a centre channel among others, surmixlev with surround channels, dsurmod in stereo. */
function mixLevelBits(acmod: number): number {
  const centre = (acmod & 1) === 1 && acmod !== 1 ? 2 : 0;
  const surround = (acmod & 4) !== 0 ? 2 : 0;
  return centre + surround + (acmod === STEREO ? 2 : 0);
}
