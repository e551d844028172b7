/** Part of a file: `end` is behind its last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const BYTES = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The `Range` of a request (RFC 9110 §14.2). What is not one range of bytes is passed over, as the standard allows.
 * @returns undefined: the whole file
 */
export function byteRange(header: string | undefined, sizeBytes: number): ByteRange | 'outside' | undefined {
  const [, from = '', to = ''] = BYTES.exec(header ?? '') ?? [];
  if (from === '' && to === '') {
    return undefined;
  }
  if (from === '') {
    const lastBytes = Math.min(Number(to), sizeBytes);
    return lastBytes === 0 ? 'outside' : { start: sizeBytes - lastBytes, end: sizeBytes };
  }
  const start = Number(from);
  if (to !== '' && Number(to) < start) {
    return undefined;
  }
  return start >= sizeBytes ? 'outside' : { start, end: to === '' ? sizeBytes : Math.min(Number(to) + 1, sizeBytes) };
}

/** The pieces of what lies in `pieces` one behind the other; nothing is copied. */
export function slicePieces(pieces: readonly Uint8Array[], { start, end }: ByteRange): Uint8Array[] {
  const slices: Uint8Array[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, piece.length);
    if (from < to) {
      slices.push(piece.subarray(from, to));
    }
    at += piece.length;
  }
  return slices;
}
