import { viewOf } from '../box/walk.ts';

/* Where things stand in a fragment's header as `writeFragmentHeader` writes it: moof and mfhd, then for each run traf ── tfhd, tfdt, trun. */
const FIRST_TRAF = 24;
const TRACK_ID = 8 + 12;
const BASE_TIME = 8 + 24 + 12;

/**
 * Subtracts ticks from each `baseMediaDecodeTime` of a fragment's header, in place.
 * @param header of `writeFragmentHeader`: `moof` and 8 bytes of `mdat`
 * @param ticksOf by `track_ID` - 1
 * @returns whether no time has become negative; if one has, the header is of no use
 */
export function shiftFragment(header: Uint8Array, ticksOf: readonly number[]): boolean {
  const view = viewOf(header);
  const end = view.getUint32(0);
  for (let at = FIRST_TRAF; at < end; at += view.getUint32(at)) {
    const track = view.getUint32(at + TRACK_ID) - 1;
    const time = view.getUint32(at + BASE_TIME) * 2 ** 32 + view.getUint32(at + BASE_TIME + 4);
    const shifted = time - (ticksOf[track] ?? 0);
    if (shifted < 0) {
      return false;
    }
    view.setUint32(at + BASE_TIME, Math.floor(shifted / 2 ** 32));
    view.setUint32(at + BASE_TIME + 4, shifted % 2 ** 32);
  }
  return true;
}
