import { createHash } from 'node:crypto';
import type { Hash } from '../../../media/rtsp/digest.ts';

/** For HTTP Digest in media, which may not import Node. */
export const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');
