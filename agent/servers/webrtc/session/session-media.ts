import type { SrtpKeys } from '../srtp/srtp-keys.ts';
import type { PacketSlots } from '../transport/packet-slots.ts';
import type { Route } from '../transport/route.ts';

/**
 * How a session ends: `byPeer`, who knows of it; `forNow`: whoever wants to may come again at once; `final`: somebody who came
 * again by himself would only be in another's way.
 */
export type SessionEnd = 'byPeer' | 'forNow' | 'final';

/** The encrypted way to a peer whose handshake has succeeded. */
export interface SecureLink {
  readonly keys: SrtpKeys;
  /** Where the peer is; it may move: not to be kept. */
  readonly route: Route;
  readonly slots: PacketSlots;
  /** @returns bytes sent */
  sendRtcp(compound: Uint8Array): number;
  /** Ends the session; `forNow` unless said otherwise. */
  close(reason: string, end?: SessionEnd): void;
}

/** What a session has sent and received, as the API shows it. RTCP is counted by the session. */
export interface MediaStatistics {
  readonly outboundBytes: number;
  readonly outboundPackets: number;
  /** By the peer's receiver reports. */
  readonly outboundReportedLost: number;
  readonly framesDiscarded: number;
  readonly inboundPackets: number;
  readonly inboundLost: number;
  /** Seconds; the worst track's. */
  readonly jitterSeconds: number;
  /** By the peer's receiver reports; undefined: not known. */
  readonly roundTripMs: number | undefined;
  /** How much a viewer is given; undefined: it is none, or its handshake is not done. */
  readonly share?: 'all' | 'fallback' | 'keyFrames' | undefined;
}

/** What a session is for. It is made before the answer, starts when the handshake is done, and ends with the session. */
export interface SessionMedia {
  readonly state: 'read' | 'publish';
  /** For messages, where it is neither a viewer nor a publisher. */
  readonly who?: string;
  readonly statistics: MediaStatistics;
  /** Called once. Throws PerchError when it cannot be done: the session ends with that reason. */
  start(link: SecureLink): void;
  /** An SRTP packet as it came; valid during the call only. */
  onRtp(packet: Buffer): void;
  /** A compound RTCP packet, decrypted; not parsed yet. */
  onRtcp(compound: Buffer): void;
  /** About once a second, from `start` on. */
  tick(): void;
  /** Called once, also when `start` never was. */
  close(): void;
}
