/** Two seconds of a camera with 16 Mbit/s. */
const MAX_EARLY_BYTES = 4 << 20;
/** Memory of a packet in addition to its payload. */
const PACKET_COST_BYTES = 200;

interface EarlyPacket {
  readonly channel: number;
  readonly packet: Uint8Array;
  /** Monotonic time of arrival. */
  readonly atMs: number;
}

/** Packets that a camera sends before all tracks are set up: some send from the first SETUP on, perhaps the only key frame for a minute. */
export class EarlyPackets {
  #packets: EarlyPacket[] = [];
  #bytes = 0;

  /** Beyond the limit this and all later packets are dropped. @param packet must not change afterwards */
  keep(channel: number, packet: Uint8Array, atMs: number): void {
    this.#bytes += packet.length + PACKET_COST_BYTES;
    if (this.#bytes <= MAX_EARLY_BYTES) {
      this.#packets.push({ channel, packet, atMs });
    }
  }

  take(): readonly EarlyPacket[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }
}
