import { fourcc } from '../media/mp4/boxes.ts';
import { boxAt, childrenOf, need, uint64, versionOf, viewOf } from '../media/mp4/walk.ts';
import type { Patches } from './virtual-file.ts';

const MFHD = fourcc('mfhd');
const TRAF = fourcc('traf');
const TFHD = fourcc('tfhd');
const TFDT = fourcc('tfdt');

export interface FragmentChange {
  readonly sequence: number;
  /** Added to the decode times of a track, in its ticks. */
  readonly shiftOf: (trackId: number) => number;
}

/**
 * Notes which numbers of a `moof` differ when its samples move in time.
 * @param fileOffset where the `moof` stands in its file
 * @returns false when a moved time does not fit into the field that is there; nothing is noted then
 */
export function patchTimes(moof: Uint8Array, fileOffset: number, change: FragmentChange, patches: Patches): boolean {
  const view = viewOf(moof);
  const place = boxAt(view, 0, moof.length);
  if (!place) {
    return false;
  }
  const found: { at: number; value: number; width: 4 | 8 }[] = [];
  for (const child of childrenOf(view, place)) {
    if (child.type === MFHD) {
      found.push({ at: child.bodyStart + 4, value: change.sequence, width: 4 });
    } else if (child.type === TRAF) {
      let trackId = 0;
      for (const part of childrenOf(view, child)) {
        if (part.type === TFHD) {
          need(part, 8);
          trackId = view.getUint32(part.bodyStart + 4);
        } else if (part.type === TFDT) {
          const width = versionOf(view, part) === 1 ? 8 : 4;
          const at = part.bodyStart + 4;
          const value = (width === 8 ? uint64(view, at) : view.getUint32(at)) + change.shiftOf(trackId);
          if (width === 4 && value > 0xffff_ffff) {
            return false;
          }
          found.push({ at, value, width });
        }
      }
    }
  }
  for (const { at, value, width } of found) {
    patches.add(fileOffset + at, value, width);
  }
  return true;
}
