import type { BindingRequest } from './stun.ts';

/** A way to a peer: an address as the UDP port sees it, or one TCP connection (RFC 4571). */
export interface Route {
  readonly protocol: 'udp' | 'tcp';
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
  readonly port: number;
  /** Of this machine: where the peer sends to. */
  readonly localAddress?: string;
  /** The network takes less than is sent: nothing more may be queued, video waits for the next key frame. */
  readonly isCongested: boolean;
  /**
   * Sends at once or queues; what cannot be sent is lost. Never throws.
   * @param bytes nobody changes them any more, or they lie in `PacketSlots`: a datagram socket queues without copying
   */
  send(bytes: Uint8Array, offset: number, length: number): void;
  /** A check from here has passed: from now on the peer gets what comes this way. */
  admit(peer: Peer): void;
  /** Nothing more is wanted from here: a TCP connection ends, an address is a stranger's again. */
  close(): void;
}

/** Whoever datagrams belong to. */
export interface Peer {
  /** A connectivity check for the peer's user fragment; not authenticated yet. */
  onCheck(datagram: Uint8Array, request: BindingRequest, from: Route): void;
  /** DTLS, SRTP or SRTCP by a route that was admitted; valid during the call only. */
  onDatagram(datagram: Buffer, from: Route): void;
  /** A TCP connection that was admitted has ended. */
  onRouteClosed(route: Route): void;
}

/** `192.168.1.7:50000` or `[fe80::1]:50000`. */
export function addressOf({ family, address, port }: Pick<Route, 'family' | 'address' | 'port'>): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
