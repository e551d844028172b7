/** Two seconds of a camera with 16 Mbit/s. */
const MAX_KEPT_BYTES = 4 << 20;
/** What a packet costs next to its payload, which may be empty. */
const PACKET_COST_BYTES = 200;

export interface KeptPacket {
  readonly channel: number;
  readonly packet: Uint8Array;
  /** Monotonic time of arrival. */
  readonly atMs: number;
}

/** Packets that a camera sends before all tracks are set up: some send from their first answer to SETUP on, perhaps their only key frame for a minute. */
export class KeptPackets {
  #packets: KeptPacket[] = [];
  #bytes = 0;

  /** What does not fit any more is lost, and all that follows it. @param packet is not changed afterwards */
  keep(channel: number, packet: Uint8Array, atMs: number): void {
    this.#bytes += packet.length + PACKET_COST_BYTES;
    if (this.#bytes <= MAX_KEPT_BYTES) {
      this.#packets.push({ channel, packet, atMs });
    }
  }

  take(): readonly KeptPacket[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }
}
