import { createHash } from 'node:crypto';
import type { Hash } from '../../../media/rtsp/digest.ts';

/** For HTTP Digest, which knows no Node. */
export const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');
