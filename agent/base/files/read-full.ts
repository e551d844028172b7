interface Readable {
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

/**
 * Fills `bytes` as far as the file reaches. A single read may give less: network disks, signals.
 * @returns the number of bytes read; fewer than asked for: the file ends there
 */
export async function readFull(handle: Readable, bytes: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, position + filled);
    if (bytesRead === 0) {
      break;
    }
    filled += bytesRead;
  }
  return filled;
}
