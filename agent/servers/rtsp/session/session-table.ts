import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { subscriberOf } from '../../../base/network/ip-address.ts';
import type { SessionItem } from '../../../protocols/contract.ts';
import { NOTHING_RECEIVED, NOTHING_SENT } from '../transport/media-plane.ts';
import { RtspSession, type SessionOptions, TRANSPORT_LABEL } from './session.ts';
import type { RtspSessionItem } from './session-kinds.ts';

function describeSession(session: RtspSession): RtspSessionItem & Pick<SessionItem, 'action'> {
  const { options, role } = session;
  const sent = role?.media?.sent ?? NOTHING_SENT;
  const received = role?.media?.received ?? NOTHING_RECEIVED;
  const transport = role?.media?.kind;
  return {
    id: session.id,
    created: new Date(session.createdWallMs).toISOString(),
    remoteAddr: options.connection.remote,
    state: role?.state ?? 'idle',
    path: options.target.name,
    query: options.target.query,
    user: options.user,
    userAgent: options.userAgent,
    ...(options.action && { action: options.action }),
    transport: transport === undefined ? null : TRANSPORT_LABEL[transport],
    profile: transport === undefined ? null : role?.media?.isSecure ? 'SAVP' : 'AVP',
    conns: [...session.links].map((link) => link.id),
    inboundBytes: received.bytes,
    inboundRTPPackets: received.rtpPackets,
    inboundRTPPacketsLost: received.lost,
    inboundRTPPacketsInError: received.inError,
    inboundRTPPacketsJitter: received.jitterTicks,
    inboundRTCPPackets: received.rtcpPackets,
    inboundRTCPPacketsInError: received.rtcpInError,
    outboundBytes: sent.bytes,
    outboundRTPPackets: sent.rtpPackets,
    outboundRTPPacketsReportedLost: sent.reportedLost,
    outboundRTPPacketsDiscarded: sent.discarded,
    outboundRTCPPackets: sent.rtcpPackets,
    bytesReceived: received.bytes,
    bytesSent: sent.bytes,
    rtpPacketsReceived: received.rtpPackets,
    rtpPacketsSent: sent.rtpPackets,
    rtpPacketsLost: received.lost,
    rtpPacketsInError: received.inError,
    rtpPacketsJitter: received.jitterTicks,
    rtcpPacketsReceived: received.rtcpPackets,
    rtcpPacketsSent: sent.rtcpPackets,
    rtcpPacketsInError: received.rtcpInError,
  };
}

/** A recorder pulls two streams of every camera from one address. */
const MAX_PER_ADDRESS = 256;

/** The sessions of an endpoint, oldest first. */
export class SessionTable {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #byKey = new Map<string, RtspSession>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws PerchError at the limit */
  open(options: SessionOptions): RtspSession {
    const subscriber = subscriberOf(options.connection.ip);
    let fromThere = 0;
    for (const session of this.#byKey.values()) {
      fromThere += subscriberOf(session.options.connection.ip) === subscriber ? 1 : 0;
    }
    if (fromThere >= MAX_PER_ADDRESS || this.#byKey.size >= 1_000) {
      const counted = fromThere >= MAX_PER_ADDRESS ? `${fromThere} from this address` : `${this.#byKey.size}`;
      throw new PerchError('unavailable', `too many RTSP sessions: ${counted} are open`, { ip: options.connection.ip });
    }
    const session = new RtspSession(options, (closed) => this.#byKey.delete(closed.key), this.#clock, this.#log);
    this.#byKey.set(session.key, session);
    return session;
  }

  ofKey(key: string): RtspSession | undefined {
    return this.#byKey.get(key);
  }

  list(): RtspSessionItem[] {
    return [...this.#byKey.values()].map(describeSession);
  }

  kick(id: string): boolean {
    const session = [...this.#byKey.values()].find((other) => other.id === id);
    session?.close('ended through the API');
    return session !== undefined;
  }

  tick(nowMs: number): void {
    for (const session of this.#byKey.values()) {
      session.tick(nowMs);
    }
  }

  close(reason: string): void {
    for (const session of [...this.#byKey.values()]) {
      session.close(reason);
    }
  }
}
