import { PerchError } from '../../base/errors.ts';
import type { PictureSize } from '../payload/depacketizer.ts';
import { type FrameRules, IN_ORDER } from '../payload/frame-assembler.ts';
import type { Vp8Track } from '../sample/track.ts';

/** Frame tag and, in a key frame, start code and size: RFC 6386 §9.1. */
const FRAME_TAG_BYTES = 3;
const KEY_HEADER_BYTES = 10;

/** RFC 6386 §9.1: the lowest bit of the first byte is 0 in a key frame. */
const isVp8Key = (data: Uint8Array, start: number): boolean => ((data[start] as number) & 1) === 0;

/** The size of a key frame, without its scaling hints. @throws PerchError */
export function parseVp8Size(data: Uint8Array, start: number, end: number): PictureSize {
  if (end - start < KEY_HEADER_BYTES) {
    throw new PerchError('badInput', `VP8 key frame of ${end - start} bytes, at least ${KEY_HEADER_BYTES}`);
  }
  const at = start + FRAME_TAG_BYTES;
  if (data[at] !== 0x9d || data[at + 1] !== 0x01 || data[at + 2] !== 0x2a) {
    throw new PerchError('badInput', 'VP8 key frame without start code 9d012a');
  }
  const width = (data[at + 3] as number) | (((data[at + 4] as number) & 0x3f) << 8);
  const height = (data[at + 5] as number) | (((data[at + 6] as number) & 0x3f) << 8);
  if (width === 0 || height === 0) {
    throw new PerchError('badInput', `VP8 key frame of ${width}x${height} pixels`);
  }
  return { width, height };
}

export class Vp8Rules implements FrameRules {
  readonly order = undefined;
  readonly pictureOrder = IN_ORDER;
  isKey = false;
  track: Vp8Track | undefined;

  read(data: Uint8Array, start: number, end: number): boolean {
    this.isKey = isVp8Key(data, start);
    if (this.isKey) {
      const { width, height } = parseVp8Size(data, start, end);
      if (width !== this.track?.width || height !== this.track.height) {
        this.track = { kind: 'video', codec: 'vp8', clockRate: 90_000, width, height, fps: undefined };
      }
    }
    return true;
  }

  complete(unit: Uint8Array): Uint8Array {
    return unit;
  }
}
