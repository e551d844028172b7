import { fourcc } from '../box/boxes.ts';
import { boxAt, childrenOf, need, uint64, versionOf, viewOf } from '../box/walk.ts';

const MFRA = fourcc('mfra');
const MFRO = fourcc('mfro');
const TFRA = fourcc('tfra');

/** `mfro` ends the file: its last 16 bytes say how long the index is. */
export const MFRO_BYTES = 16;

/** Where players can start, in the order of the file. Times are presentation times in ticks of the track. */
interface AccessList {
  readonly trackId: number;
  readonly times: readonly number[];
  readonly moofOffsets: readonly number[];
}

/** Size of the whole `mfra`, from the last 16 bytes of a file; undefined when it has none. */
export function mfraSize(lastBytes: Uint8Array): number | undefined {
  const view = viewOf(lastBytes);
  const isMfro = lastBytes.length === MFRO_BYTES && view.getUint32(0) === MFRO_BYTES && view.getUint32(4) === MFRO;
  return isMfro ? view.getUint32(12) : undefined;
}

/** The tables of a whole `mfra` (ISO/IEC 14496-12 §8.8.9 to §8.8.11). */
export function parseMfra(bytes: Uint8Array): AccessList[] {
  const view = viewOf(bytes);
  const mfra = boxAt(view, 0, bytes.length);
  if (!mfra || mfra.type !== MFRA || mfra.end > bytes.length) {
    return [];
  }
  const lists: AccessList[] = [];
  for (const child of childrenOf(view, mfra)) {
    if (child.type !== TFRA) {
      continue;
    }
    const is64 = versionOf(view, child) === 1;
    need(child, 16);
    const lengths = view.getUint32(child.bodyStart + 8);
    const numbersBytes = ((lengths >> 4) & 3) + ((lengths >> 2) & 3) + (lengths & 3) + 3;
    const entryBytes = (is64 ? 16 : 8) + numbersBytes;
    const count = view.getUint32(child.bodyStart + 12);
    need(child, 16 + count * entryBytes);
    const times: number[] = [];
    const moofOffsets: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const at = child.bodyStart + 16 + i * entryBytes;
      times.push(is64 ? uint64(view, at) : view.getUint32(at));
      moofOffsets.push(is64 ? uint64(view, at + 8) : view.getUint32(at + 4));
    }
    lists.push({ trackId: view.getUint32(child.bodyStart + 4), times, moofOffsets });
  }
  return lists;
}
