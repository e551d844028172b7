import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { RgbPicture } from '../../../../agent/features/objects/detector/contract.ts';

/**
 * Photographs of scikit-image's test data, 320 pixels wide: `astronaut` is Eileen Collins by NASA (public domain), `chelsea` a cat by
 * Stéfan van der Walt (CC0).
 */
const FIXTURES = join(import.meta.dirname, '../fixtures');

/** Needs the peer ffmpeg. @param width and `height` that the picture gets */
export function stillOf(name: 'astronaut' | 'chelsea', width: number, height: number): RgbPicture {
  const file = join(FIXTURES, `${name}.jpg`);
  const output = ['-vf', `scale=${width}:${height}`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
  const rgb = execFileSync('ffmpeg', ['-v', 'error', '-i', file, ...output], { maxBuffer: 64 << 20 });
  return { width, height, rgb };
}
