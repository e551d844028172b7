import type { SrtpKeys } from '../srtp/srtp-keys.ts';
import type { Transport } from './transport.ts';

/**
 * `byPeer`: the peer closed the session itself; `forNow`: it may reconnect; `final`: an automatic reconnect would only displace
 * another client.
 */
export type SessionEnd = 'byPeer' | 'forNow' | 'final';

/** The encrypted connection to a peer after the handshake. */
export interface SecureLink {
  readonly keys: SrtpKeys;
  /** The current transport; it may change, so callers must not keep it. */
  readonly transport: Transport;
  /** @returns bytes sent */
  sendRtcp(compound: Uint8Array): number;
  /** `end` defaults to `forNow`. */
  close(reason: string, end?: SessionEnd): void;
}

/** Media counters for the API; the session counts RTCP itself. */
export interface MediaStatistics {
  readonly outboundBytes: number;
  readonly outboundPackets: number;
  /** Lost packets according to receiver reports. */
  readonly outboundReportedLost: number;
  readonly framesDiscarded: number;
  readonly inboundPackets: number;
  readonly inboundLost: number;
  /** Interarrival jitter of the worst track. */
  readonly jitterSeconds: number;
  /** Round-trip time according to receiver reports, or undefined if unknown. */
  readonly roundTripMs: number | undefined;
  /** Undefined unless a viewer is connected. */
  readonly quality?: 'all' | 'fallback' | 'keyFrames' | undefined;
}

export const NO_OUTBOUND = {
  outboundBytes: 0,
  outboundPackets: 0,
  outboundReportedLost: 0,
  framesDiscarded: 0,
} as const;

/** A session's media: created before the answer, started after the handshake, closed with the session. */
export interface SessionMedia {
  readonly state: 'read' | 'publish';
  /** What messages call the peer, if it is neither a viewer nor a publisher. */
  readonly role?: string;
  readonly statistics: MediaStatistics;
  /** Called once. A PerchError ends the session with its reason. */
  start(link: SecureLink): void;
  /** An encrypted SRTP packet, valid during the call only. */
  onRtp(packet: Buffer): void;
  /** A decrypted compound packet. */
  onRtcp(compound: Buffer): void;
  /** About once a second after `start`. */
  tick(): void;
  /** Called once, even without `start`. */
  close(): void;
}
