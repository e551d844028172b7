import type { ByteChannel } from '../../../base/byte-channel.ts';

/** What is written before a channel can take it. */
export class HeldWrites {
  byteCount = 0;
  #writes: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    this.#writes.push(bytes);
    this.byteCount += bytes.length;
  }

  /** Everything in its order. */
  release(channel: Pick<ByteChannel, 'write'>): void {
    const writes = this.#writes;
    this.#writes = [];
    this.byteCount = 0;
    for (const bytes of writes) {
      channel.write(bytes);
    }
  }
}
