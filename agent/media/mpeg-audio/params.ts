import { PerchError } from '../../base/errors.ts';
import type { MpegAudioTrack } from '../sample/track.ts';

/*
 * The header of a frame, ISO/IEC 11172-3 §2.4.1.3 and ISO/IEC 13818-3 §2.4.1.3; "MPEG-2.5" is a de facto standard:
 *   sync 11 | version 2: 0 is 2.5, 2 is 2, 3 is 1 | layer 2: 1 is III, 2 is II, 3 is I | no CRC 1
 *   bit rate 4 | sample rate 2 | padding 1 | private 1 | mode 2: 3 is mono | mode extension 2 | …
 */
const HEADER_BYTES = 4;

export interface MpegAudioFrame {
  /** What the track depends on: all but bit rate and padding. */
  readonly format: number;
  readonly version: 1 | 2 | 2.5;
  readonly layer: 1 | 2 | 3;
  readonly sampleRate: number;
  readonly channels: number;
  /** Size of the frame with its header. */
  readonly sizeBytes: number;
  /** PCM samples of each channel. */
  readonly frameSamples: number;
}

const VERSIONS = [2.5, undefined, 2, 1] as const;
const LAYERS = [undefined, 3, 2, 1] as const;
/** Sample rates of MPEG-1; MPEG-2 has half these rates, MPEG-2.5 a quarter. */
const SAMPLE_RATES_HZ = [44_100, 48_000, 32_000];
/** Bit rates by the index in the header, from 1; 0 is the free format, 15 is forbidden. */
const KBITS_1_LAYER_1 = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const KBITS_1_LAYER_2 = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const KBITS_1_LAYER_3 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBITS_2_LAYER_1 = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const KBITS_2_LAYERS_2_3 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const KBITS_1 = [KBITS_1_LAYER_1, KBITS_1_LAYER_2, KBITS_1_LAYER_3];
const KBITS_2 = [KBITS_2_LAYER_1, KBITS_2_LAYERS_2_3, KBITS_2_LAYERS_2_3];
const MONO = 3;
const LAYER_1_SLOT_BYTES = 4;

/** objectTypeIndication of MP4, ISO/IEC 14496-1 §7.2.6.6: ISO/IEC 11172-3 or 13818-3, for every layer. */
export function mpegAudioObjectType({ version }: MpegAudioTrack): number {
  return version === 1 ? 0x6b : 0x69;
}

/** The frame whose header is at `start`. @throws PerchError without a header, and for the free format, which has no size */
export function parseMpegAudioFrame(data: Uint8Array, start: number, end: number): MpegAudioFrame {
  if (end - start < HEADER_BYTES) {
    throw new PerchError('badInput', `MPEG audio header in ${end - start} bytes, ${HEADER_BYTES} needed`);
  }
  const second = data[start + 1] as number;
  const third = data[start + 2] as number;
  const version = VERSIONS[(second >> 3) & 3];
  const layer = LAYERS[(second >> 1) & 3];
  if (data[start] !== 0xff || second < 0xe0 || version === undefined || layer === undefined) {
    throw new PerchError('badInput', `MPEG audio frame begins with byte ${data[start]}, ${second}: no sync word`);
  }
  const mpeg1RateHz = SAMPLE_RATES_HZ[(third >> 2) & 3];
  const kbits = (version === 1 ? KBITS_1 : KBITS_2)[layer - 1]?.[(third >> 4) - 1];
  if (mpeg1RateHz === undefined || kbits === undefined) {
    const message = `MPEG audio with bit rate index ${third >> 4} and sample rate index ${(third >> 2) & 3}, 1 to 14 and 0 to 2 allowed`;
    throw new PerchError('badInput', message);
  }
  const sampleRate = mpeg1RateHz / (version === 1 ? 1 : version === 2 ? 2 : 4);
  const frameSamples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  const padding = (third >> 1) & 1;
  const bytes = (frameSamples * kbits * 125) / sampleRate;
  const sizeBytes =
    layer === 1 ? (Math.floor(bytes / LAYER_1_SLOT_BYTES) + padding) * LAYER_1_SLOT_BYTES : Math.floor(bytes) + padding;
  const channels = (data[start + 3] as number) >> 6 === MONO ? 1 : 2;
  return {
    format: version * 1e8 + layer * 1e7 + sampleRate * 10 + channels,
    version,
    layer,
    sampleRate,
    channels,
    sizeBytes,
    frameSamples,
  };
}
