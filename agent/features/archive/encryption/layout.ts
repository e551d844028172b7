/*
 * An encrypted object is a sequence of blocks of 64 KiB; only the last one is shorter.
 *
 *   header, 24 bytes (in the first block only): "PERCHENC", version 1, log2 of the block size, 6 zero bytes, key id (8)
 *   nonce, 12 bytes
 *   recording, encrypted by AES-256-GCM: 65,508 bytes, 65,484 in the first block
 *   tag, 16 bytes
 *
 * Parts of uploads are multiples of 1 MiB, so that each begins with a block.
 */
export const BLOCK_BYTES = 1 << 16;
export const HEADER_BYTES = 24;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
const VERSION = 1;
const OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES;
const CONTENT_BYTES = BLOCK_BYTES - OVERHEAD_BYTES;

/** Suffix of the names of encrypted objects. */
const SUFFIX = '.enc';
export const isEncryptedKey = (key: string): boolean => key.endsWith(SUFFIX);
export const encryptedKey = (key: string): string => `${key}${SUFFIX}`;
export const plainKey = (key: string): string => (isEncryptedKey(key) ? key.slice(0, -SUFFIX.length) : key);

export function headerOf(keyId: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('PERCHENC', 'latin1');
  header[8] = VERSION;
  header[9] = Math.log2(BLOCK_BYTES);
  header.set(keyId, 16);
  return header;
}

/** How an object's header differs from what this Perch writes, for people, or undefined if it does not. */
export function headerFault(header: Uint8Array): string | undefined {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.length);
  if (bytes.toString('latin1', 0, 8) !== 'PERCHENC') {
    return 'is not encrypted by Perch';
  }
  return bytes[8] === VERSION ? undefined : `is encrypted in format ${bytes[8]}, this Perch reads ${VERSION}`;
}

/** Size of the encrypted object of a recording. */
export function storedBytesOf(plainBytes: number): number {
  const bytes = plainBytes + HEADER_BYTES;
  return bytes + Math.ceil(bytes / CONTENT_BYTES) * OVERHEAD_BYTES;
}

/** Size of the recording in an object, or undefined if no complete object has that size. */
export function plainBytesOf(storedBytes: number): number | undefined {
  const plainBytes = storedBytes - blockCount(storedBytes) * OVERHEAD_BYTES - HEADER_BYTES;
  return plainBytes >= 0 && storedBytesOf(plainBytes) === storedBytes ? plainBytes : undefined;
}

export const blockCount = (storedBytes: number): number => Math.ceil(storedBytes / BLOCK_BYTES);

/** Number of the block that contains the recording's byte at `position`. */
export const blockAt = (position: number): number => Math.floor((position + HEADER_BYTES) / CONTENT_BYTES);

/** Position in the recording of a block's first byte. */
export const blockStart = (block: number): number => (block === 0 ? 0 : block * CONTENT_BYTES - HEADER_BYTES);
