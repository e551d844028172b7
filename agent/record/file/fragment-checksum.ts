import { crc32 } from 'node:zlib';
import { viewOf } from '../../media/mp4/box/walk.ts';
import { findChecksum, placeChecksumBox } from '../../media/mp4/write/checksum-box.ts';
import type { PlacedFragment } from './fragment-walk.ts';
import type { ReadableFile } from './segment-fs.ts';

const READ_BYTES = 1 << 20;

/** Writes a checksum into a fragment's header, its first piece. */
export function writeFragmentChecksum(pieces: readonly Uint8Array[]): void {
  const header = pieces[0] as Uint8Array;
  const at = placeChecksumBox(header);
  let sum = crc32(header.subarray(0, at));
  sum = crc32(header.subarray(at + 4), sum);
  for (let i = 1; i < pieces.length; i += 1) {
    sum = crc32(pieces[i] as Uint8Array, sum);
  }
  viewOf(header).setUint32(at, sum);
}

export class ChecksumReader {
  readonly #handle: ReadableFile;
  #buffer: Uint8Array = new Uint8Array(0);

  constructor(handle: ReadableFile) {
    this.#handle = handle;
  }

  async isWhole({ offset, fragment, moof }: PlacedFragment): Promise<boolean> {
    const at = findChecksum(moof);
    if (at === undefined) {
      return false;
    }
    const expected = viewOf(moof).getUint32(at);
    let sum = crc32(moof.subarray(0, at));
    const wantedBytes = Math.min(READ_BYTES, fragment.sizeBytes);
    if (this.#buffer.length < wantedBytes) {
      this.#buffer = new Uint8Array(wantedBytes);
    }
    const end = offset + fragment.sizeBytes;
    for (let position = offset + moof.length; position < end; ) {
      const wanted = Math.min(this.#buffer.length, end - position);
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, wanted, position);
      if (bytesRead === 0) {
        return false;
      }
      sum = crc32(this.#buffer.subarray(0, bytesRead), sum);
      position += bytesRead;
    }
    return sum === expected;
  }
}
