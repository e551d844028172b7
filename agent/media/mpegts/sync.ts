import { PACKET_BYTES, SYNC_BYTE } from './packetize.ts';

/** The next offset after `start` with a sync byte, and another one 188 bytes later unless the data ends before; else `end`. */
export function findSync(chunk: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) {
    if (chunk[at] === SYNC_BYTE && isSyncAt(chunk, at + PACKET_BYTES, end)) {
      return at;
    }
  }
  return end;
}

/** Whether a sync byte is at `at`, or `at` is after the data. */
export const isSyncAt = (chunk: Uint8Array, at: number, end: number): boolean => at >= end || chunk[at] === SYNC_BYTE;
