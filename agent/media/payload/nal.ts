/**
 * NAL units of H.264 and H.265: after a 4-byte length in a sample (ISO/IEC 14496-15), after a start code 00 00 01 in a byte stream
 * (Annex B); and their SEI messages.
 */

/** Bytes of the length before each NAL unit of a sample. */
export const NAL_LENGTH_BYTES = 4;

/** The length field at `at`. */
export function readNalLength(data: Uint8Array, at: number): number {
  const high = ((data[at] as number) << 8) | (data[at + 1] as number);
  const low = ((data[at + 2] as number) << 8) | (data[at + 3] as number);
  return high * 65_536 + low;
}

/** Offset of the next 00 00 01 in `data[start, end)`, or -1. Reads every third byte while these are above 1. */
export function findStartCode(data: Uint8Array, start: number, end: number): number {
  let at = start + 2;
  while (at < end) {
    const byte = data[at] as number;
    if (byte > 1) {
      at += 3;
    } else if (byte === 0) {
      at += 1;
    } else if (data[at - 1] === 0 && data[at - 2] === 0) {
      return at - 2;
    } else {
      at += 3;
    }
  }
  return -1;
}

/** The end without trailing zero bytes: they belong to the next start code, or are stuffing. */
export function trimZeros(data: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && data[last - 1] === 0) {
    last -= 1;
  }
  return last;
}

/** Whether `known` has the bytes of `data[start, end)`. */
export function isSame(known: Uint8Array | undefined, data: Uint8Array, start: number, end: number): boolean {
  if (!known || known.length !== end - start) {
    return false;
  }
  for (let i = 0; i < known.length; i += 1) {
    if (known[i] !== data[start + i]) {
      return false;
    }
  }
  return true;
}

/** The NAL units of `sprop-…` in an SDP, which are base64 separated by commas, without Annex B prefix. Invalid ones are left out. */
export function decodeSprop(text: string | undefined): Uint8Array[] {
  const sets: Uint8Array[] = [];
  for (const part of (text ?? '').split(',')) {
    let binary: string;
    try {
      binary = atob(part.trim());
    } catch {
      // Cameras that send invalid base64 also send the sets in band.
      continue;
    }
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const startCode = findStartCode(bytes, 0, Math.min(bytes.length, 4));
    const nal = bytes.subarray(startCode < 0 ? 0 : startCode + 3, trimZeros(bytes, 0, bytes.length));
    if (nal.length > 0) {
      sets.push(nal);
    }
  }
  return sets;
}

const SEI_RECOVERY_POINT = 6;

/** Whether an SEI NAL unit (`start` after its header) holds a recovery point message: H.264 §D.2.8, H.265 §D.3.8. */
export function hasRecoveryPoint(data: Uint8Array, start: number, end: number): boolean {
  let at = start;
  // The last byte holds the stop bit.
  while (at + 2 < end) {
    let type = 0;
    while (at < end && data[at] === 0xff) {
      type += 255;
      at += 1;
    }
    type += data[at] ?? 0;
    at += 1;
    let size = 0;
    while (at < end && data[at] === 0xff) {
      size += 255;
      at += 1;
    }
    size += data[at] ?? 0;
    if (type === SEI_RECOVERY_POINT) {
      return true;
    }
    at += 1 + size;
  }
  return false;
}
