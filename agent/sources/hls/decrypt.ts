import { createDecipheriv } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import type { SegmentKey } from './playlist.ts';

const BLOCK_BYTES = 16;

/** A whole segment, in AES-128 with cipher block chaining and padding: RFC 8216 §5.2. @throws PerchError */
export function decryptSegment(bytes: Uint8Array, key: Uint8Array, { iv }: SegmentKey, sequence: number): Uint8Array {
  const start = iv ?? sequenceVector(sequence);
  if (key.length !== BLOCK_BYTES || start.length !== BLOCK_BYTES) {
    const message = `a key of ${key.length} and a vector of ${start.length} bytes, AES-128 needs ${BLOCK_BYTES} of both`;
    throw new PerchError('unsupported', message);
  }
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, start);
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch (cause) {
    throw new PerchError('badInput', 'a segment cannot be decrypted: another key, or damaged', {}, cause);
  }
}

function sequenceVector(sequence: number): Uint8Array {
  const vector = Buffer.alloc(BLOCK_BYTES);
  vector.writeBigUInt64BE(BigInt(sequence), BLOCK_BYTES - 8);
  return vector;
}
