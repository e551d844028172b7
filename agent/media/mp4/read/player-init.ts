import { PerchError } from '../../../base/errors.ts';
import { box, fourcc, join } from '../box/boxes.ts';
import { type BoxLocation, boxAt, childrenOf, need, versionOf, viewOf } from '../box/walk.ts';
import { parseInit } from './read.ts';

const FTYP = fourcc('ftyp');
const MOOV = fourcc('moov');
const MVHD = fourcc('mvhd');
const TRAK = fourcc('trak');
const TKHD = fourcc('tkhd');
const MVEX = fourcc('mvex');
const TREX = fourcc('trex');
const HEV1 = fourcc('hev1');
const HVC1 = fourcc('hvc1');
const HVCC = fourcc('hvcC');
const VISUAL_ENTRY_BYTES = 86;
/** Bytes of `hvcC` before the number of its arrays (ISO/IEC 14496-15 §8.3.3.1). */
const HVCC_ARRAYS = 22;

/**
 * A recording's header for players: `ftyp`, and a `moov` of the wanted tracks without duration and without the recorder's own
 * boxes. HEVC becomes `hvc1`, which Apple's players require, if the entry has the parameter sets.
 * @param init `ftyp` and `moov` of a fragmented file
 * @throws PerchError if it is not
 */
export function playerInit(init: Uint8Array, trackIds: readonly number[]): Uint8Array {
  const bytes = init.slice();
  const parsed = parseInit(bytes);
  if (!parsed) {
    throw new PerchError('badInput', `MP4 header of ${bytes.length} bytes is not whole`);
  }
  bytes.fill(0, parsed.durationOffset, parsed.durationOffset + parsed.durationBytes);
  for (const { sampleEntry } of parsed.tracks) {
    renameHevc(sampleEntry);
  }
  const view = viewOf(bytes);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < parsed.sizeBytes; ) {
    const top = boxAt(view, at, bytes.length);
    if (!top) {
      break;
    }
    if (top.type === FTYP) {
      parts.push(bytes.subarray(top.start, top.end));
    } else if (top.type === MOOV) {
      parts.push(box('moov', ...moovParts(bytes, view, top, trackIds)));
    }
    at = top.end;
  }
  return join(parts);
}

function moovParts(bytes: Uint8Array, view: DataView, moov: BoxLocation, trackIds: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const child of childrenOf(view, moov)) {
    if (child.type === MVHD || (child.type === TRAK && trackIds.includes(trackIdOf(view, child)))) {
      parts.push(bytes.subarray(child.start, child.end));
    } else if (child.type === MVEX) {
      const wanted = childrenOf(view, child).filter((part) => isTrexOf(view, part, trackIds));
      parts.push(box('mvex', ...wanted.map((part) => bytes.subarray(part.start, part.end))));
    }
  }
  return parts;
}

function trackIdOf(view: DataView, trak: BoxLocation): number {
  const tkhd = childrenOf(view, trak).find((child) => child.type === TKHD);
  if (!tkhd) {
    return 0;
  }
  const at = versionOf(view, tkhd) === 1 ? 20 : 12;
  need(tkhd, at + 4);
  return view.getUint32(tkhd.bodyStart + at);
}

function isTrexOf(view: DataView, part: BoxLocation, trackIds: readonly number[]): boolean {
  if (part.type !== TREX) {
    return false;
  }
  need(part, 8);
  return trackIds.includes(view.getUint32(part.bodyStart + 4));
}

/** In place. */
function renameHevc(entry: Uint8Array): void {
  const view = viewOf(entry);
  if (entry.length < VISUAL_ENTRY_BYTES || view.getUint32(4) !== HEV1) {
    return;
  }
  const config = boxAt(view, VISUAL_ENTRY_BYTES, entry.length);
  const hasSets = config?.type === HVCC && (entry[config.bodyStart + HVCC_ARRAYS] ?? 0) > 0;
  if (hasSets) {
    view.setUint32(4, HVC1);
  }
}
