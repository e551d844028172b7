import { SocketChannel } from '../../../base/socket-channel.ts';
import { HeldWrites } from './held-writes.ts';

/** A TLS connection of which nothing leaves, no password above all, before it is known who is at the other end. */
export class SecureChannel extends SocketChannel {
  readonly #held = new HeldWrites();
  #isTrusted = false;

  override get queuedBytes(): number {
    return super.queuedBytes + this.#held.byteCount;
  }

  override write(bytes: Uint8Array): void {
    if (this.#isTrusted) {
      super.write(bytes);
    } else {
      this.#held.add(bytes);
    }
  }

  trust(): void {
    this.#isTrusted = true;
    this.#held.release(this);
  }
}
