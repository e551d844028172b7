import { box, type Fields, fourcc, fullBox, join, u32, u64 } from '../box/boxes.ts';
import { viewOf } from '../box/walk.ts';

const MFRO = fourcc('mfro');
/** `mfro` ends the file: its last 16 bytes hold the size of the index. */
export const MFRO_BYTES = 16;

/** One sync sample: ISO/IEC 14496-12 §8.8.10. */
export interface RandomAccess {
  /** Presentation time in ticks of the track, on the file's scale. */
  readonly time: number;
  /** File offset of the `moof`. */
  readonly moofOffset: number;
  /** From 1: number of the `traf` in the `moof`, of the `trun` in the `traf`, of the sample in the `trun`. */
  readonly traf: number;
  readonly trun: number;
  readonly sample: number;
}

interface TrackAccess {
  readonly trackId: number;
  readonly entries: readonly RandomAccess[];
}

/** The index at the end of a finished file; its last four bytes are its own size (`mfro`), so it is found from the end. */
export function writeMfra(tracks: readonly TrackAccess[]): Uint8Array {
  const tables = tracks.map(tfra);
  const sizeBytes = tables.reduce((sum, table) => sum + table.length, 8 + 16);
  return box('mfra', ...tables, fullBox('mfro', 0, 0, u32(sizeBytes)));
}

function tfra(track: TrackAccess): Uint8Array {
  const entries: Fields[] = track.entries.map((entry) => [
    ...u64(entry.time),
    ...u64(entry.moofOffset),
    ...u32(entry.traf),
    ...u32(entry.trun),
    ...u32(entry.sample),
  ]);
  const allNumbersHave32Bits = u32(0x3f);
  return fullBox('tfra', 1, 0, u32(track.trackId), allNumbersHave32Bits, u32(track.entries.length), join(entries));
}

/** Size of the whole `mfra`, from the last 16 bytes of a file. */
export function mfraSize(lastBytes: Uint8Array): number | undefined {
  const view = viewOf(lastBytes);
  const isMfro = lastBytes.length === MFRO_BYTES && view.getUint32(0) === MFRO_BYTES && view.getUint32(4) === MFRO;
  return isMfro ? view.getUint32(12) : undefined;
}
