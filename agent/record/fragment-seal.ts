import { crc32 } from 'node:zlib';
import { placeSeal } from '../media/mp4/fragment-seal.ts';

/** Writes into a fragment's header, its first piece, by what its bytes can be known. */
export function sealFragment(pieces: readonly Uint8Array[]): void {
  const header = pieces[0] as Uint8Array;
  const at = placeSeal(header);
  let sum = crc32(header.subarray(0, at));
  sum = crc32(header.subarray(at + 4), sum);
  for (let i = 1; i < pieces.length; i += 1) {
    sum = crc32(pieces[i] as Uint8Array, sum);
  }
  new DataView(header.buffer, header.byteOffset + at).setUint32(0, sum);
}
