import { PACKET_BYTES, SYNC_BYTE } from './packetize.ts';

/** The next offset after `start` from which every 188th byte is a sync byte, or `end`. Reads each byte at most twice. */
export function findSync(chunk: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) {
    if (chunk[at] === SYNC_BYTE && isSyncAt(chunk, at + PACKET_BYTES, end)) {
      return at;
    }
  }
  return end;
}

export const isSyncAt = (chunk: Uint8Array, at: number, end: number): boolean => at >= end || chunk[at] === SYNC_BYTE;
