import type { ByteChannel } from '../../../base/byte-channel.ts';

/** Writes that wait until a channel can send. */
export class HeldWrites {
  byteCount = 0;
  #writes: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    this.#writes.push(bytes);
    this.byteCount += bytes.length;
  }

  release(channel: Pick<ByteChannel, 'write'>): void {
    const writes = this.#writes;
    this.#writes = [];
    this.byteCount = 0;
    for (const bytes of writes) {
      channel.write(bytes);
    }
  }
}
