import { findStartCode, trimZeros } from '../../../agent/media/payload/nal.ts';

/** An Annex B file as access units of length-prefixed NAL units; it has one slice for each picture. */
export function accessUnits(clip: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let unit: Uint8Array[] = [];
  for (let at = findStartCode(clip, 0, clip.length); at >= 0; ) {
    const next = findStartCode(clip, at + 3, clip.length);
    const start = at + 3;
    const end = trimZeros(clip, start, next < 0 ? clip.length : next);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, end - start);
    unit.push(length, clip.subarray(start, end));
    const type = (clip[start] as number) & 0x1f;
    if (type === 1 || type === 5) {
      units.push(Buffer.concat(unit));
      unit = [];
    }
    at = next;
  }
  return units;
}
