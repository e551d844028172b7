import { fourcc, join } from '../../media/mp4/box/boxes.ts';
import { viewOf } from '../../media/mp4/box/walk.ts';

/** Smaller parts are joined: each part is an entry of the download. */
const SMALL_BYTES = 4 << 10;

/** A box around existing parts, without a copy: tables of hours are large. */
export function boxOf(type: string, parts: readonly Uint8Array[]): Uint8Array[] {
  const head = new Uint8Array(8);
  const view = viewOf(head);
  view.setUint32(0, sizeOf(parts) + 8);
  view.setUint32(4, fourcc(type));
  return [head, ...parts];
}

export const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

export function packed(parts: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  for (const part of parts) {
    if (part.length < SMALL_BYTES) {
      small.push(part);
      continue;
    }
    pieces.push(join(small), part);
    small = [];
  }
  pieces.push(join(small));
  return pieces.filter(({ length }) => length > 0);
}
