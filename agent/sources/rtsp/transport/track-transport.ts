import type { ReadRounds } from '../../../base/time/read-rounds.ts';
import type { ReceivedTrack } from '../../../stream/ingest/source-statistics.ts';

/** Carries one track's RTP from the camera to its receiver, and RTCP back. */
export interface TrackTransport extends ReceivedTrack {
  /** @param packet RTCP */
  sendControl(packet: Uint8Array): void;
  /** Starts to receive. Called before PLAY, because some cameras send before they answer it, and again after it. */
  open(): void;
  /** For RTP with its own sockets: from now on they are read in rounds; undefined: when data arrive. */
  readInRounds?(rounds: ReadRounds | undefined): void;
  /** Called at regular intervals. */
  tick(nowMs: number): void;
  close(): void;
}

/** Sends RTP to the camera. */
export interface RtpSender {
  /** @param packet RTP; must not change afterwards */
  send(packet: Uint8Array): void;
  close(): void;
}

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

/** Packets received before all tracks are set up: some cameras send from the first SETUP on, perhaps the only key frame for a minute. */
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
