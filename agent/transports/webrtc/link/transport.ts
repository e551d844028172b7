import type { PacketMemory } from '../../../native/packet-memory.ts';
import type { BindingRequest } from './stun.ts';

/** A connection to a peer: its address as seen by the UDP port, or one TCP connection (RFC 4571). */
export interface Transport {
  readonly protocol: 'udp' | 'tcp';
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
  readonly port: number;
  /** Address of this box at which the peer's packets arrive. */
  readonly localAddress?: string;
  /** The network is slower than the stream: nothing more may be queued, video waits for the next key frame. */
  readonly isCongested: boolean;
  /**
   * Sends or queues; drops on failure. Never throws.
   * @param bytes must not change afterwards: a datagram socket queues without copying
   */
  send(bytes: Uint8Array, offset: number, length: number): void;
  /** Sends or queues the first `count` packets. Never throws. @param packets may change afterwards */
  sendPackets(packets: PacketMemory, count: number): void;
  /** A check has passed: the peer receives what arrives here. */
  admit(peer: Peer): void;
  /** Closes a TCP connection; a UDP address becomes unknown. */
  close(): void;
}

export interface Peer {
  /** A check for the peer's user fragment, not authenticated yet. */
  onCheck(datagram: Uint8Array, request: BindingRequest, from: Transport): void;
  /** DTLS, SRTP or SRTCP from an admitted transport, valid during the call only. */
  onDatagram(datagram: Buffer, from: Transport): void;
  onTransportClosed(transport: Transport): void;
}

/** Address and port as `192.168.1.7:50000` or `[fe80::1]:50000`. */
export function addressOf({ family, address, port }: Pick<Transport, 'family' | 'address' | 'port'>): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
