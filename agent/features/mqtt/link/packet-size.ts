import { PerchError } from '../../../base/errors.ts';

/** Maximum size of a received packet: commands and Home Assistant's status are far smaller. */
const MAX_PACKET_BYTES = 64 << 10;
/** The remaining length has at most four bytes of seven bits (MQTT 3.1.1 §2.2.3). */
const MAX_LENGTH_BYTES = 4;

/**
 * Follows the packets of a connection by their fixed headers (MQTT 3.1.1 §2.2). The library collects a packet of up to 256 MB, which any
 * client of the broker could send to a subscribed topic.
 */
export class PacketSizeLimit {
  /** Bytes left of the present packet, or undefined within a fixed header. */
  #leftBytes: number | undefined;
  #headerBytes = 0;
  #length = 0;

  /** @throws PerchError for a packet above the limit, or a malformed length */
  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#leftBytes !== undefined) {
        const taken = Math.min(this.#leftBytes, chunk.length - at);
        at += taken;
        this.#leftBytes -= taken;
      } else {
        this.#header(chunk[at] as number);
        at += 1;
      }
      if (this.#leftBytes === 0) {
        this.#leftBytes = undefined;
      }
    }
  }

  #header(byte: number): void {
    const index = this.#headerBytes - 1;
    this.#headerBytes += 1;
    if (index < 0) {
      return;
    }
    if (index >= MAX_LENGTH_BYTES) {
      throw new PerchError('badInput', 'the broker sends a malformed packet', { why: 'noMqtt' });
    }
    this.#length += (byte & 0x7f) * 128 ** index;
    if ((byte & 0x80) === 0) {
      if (this.#length > MAX_PACKET_BYTES) {
        const message = `the broker sends a packet of ${this.#length} bytes, the limit is ${MAX_PACKET_BYTES}`;
        throw new PerchError('badInput', message, { why: 'other' });
      }
      [this.#leftBytes, this.#headerBytes, this.#length] = [this.#length, 0, 0];
    }
  }
}
