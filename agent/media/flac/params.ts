import { PerchError } from '../../base/errors.ts';
import type { FlacTrack } from '../sample/track.ts';

/** STREAMINFO, RFC 9639 §8.2. */
export const STREAM_INFO_BYTES = 34;

/**
 * The track of a STREAMINFO block: 16 bits, mono or stereo, in frames of one size, which is what the outputs carry.
 * @throws PerchError 'unsupported' for others
 */
export function parseStreamInfo(block: Uint8Array): FlacTrack {
  if (block.length < STREAM_INFO_BYTES) {
    throw new PerchError('badInput', `FLAC header of ${block.length} bytes`);
  }
  const info = Buffer.from(block.buffer, block.byteOffset, STREAM_INFO_BYTES);
  const [least, frameSamples] = [info.readUInt16BE(0), info.readUInt16BE(2)];
  const clockRate = info.readUIntBE(10, 3) >> 4;
  const channels = ((info.readUInt8(12) >> 1) & 7) + 1;
  const bitDepth = ((info.readUInt16BE(12) >> 4) & 0x1f) + 1;
  if (bitDepth !== 16 || channels > 2 || least !== frameSamples || clockRate === 0) {
    const message = `FLAC with ${bitDepth} bits and ${channels} channels; 16 bits and two channels allowed`;
    throw new PerchError('unsupported', message);
  }
  return { kind: 'audio', codec: 'flac', clockRate, channels, frameSamples };
}
