import type { WebRtcSession } from '../session/session.ts';
import type { LocalPorts } from '../transport/candidates.ts';
import { addressOf } from '../transport/transport.ts';

/** A session of MediaMTX's API. The last fields are older names of the same numbers. */
export interface WebRtcSessionItem {
  readonly id: string;
  readonly created: string;
  readonly remoteAddr: string;
  readonly peerConnectionEstablished: boolean;
  readonly localCandidate: string;
  readonly remoteCandidate: string;
  readonly state: 'read' | 'publish';
  readonly path: string;
  readonly query: string;
  readonly user: string;
  readonly userAgent: string;
  readonly inboundBytes: number;
  readonly inboundRTPPackets: number;
  readonly inboundRTPPacketsLost: number;
  readonly inboundRTPPacketsJitter: number;
  readonly inboundRTCPPackets: number;
  readonly outboundBytes: number;
  readonly outboundRTPPackets: number;
  readonly outboundRTPPacketsReportedLost: number;
  readonly outboundRTCPPackets: number;
  readonly outboundFramesDiscarded: number;
  /** From receiver reports; null: not known. */
  readonly roundTripMs: number | null;
  /** The quality level sent to a viewer; null: not a viewer, or not connected. */
  readonly viewing: 'all' | 'fallback' | 'keyFrames' | null;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly rtpPacketsReceived: number;
  readonly rtpPacketsSent: number;
  readonly rtpPacketsLost: number;
  readonly rtpPacketsJitter: number;
  readonly rtcpPacketsReceived: number;
  readonly rtcpPacketsSent: number;
}

export function describeSession(session: WebRtcSession, ports: LocalPorts): WebRtcSessionItem {
  const { requester, remote, media } = session;
  const { statistics } = media;
  const isEstablished = session.state === 'connected';
  const outboundBytes = statistics.outboundBytes + session.outboundRtcpBytes;
  return {
    id: session.id,
    created: new Date(session.createdWallMs).toISOString(),
    remoteAddr: remote ? addressOf(remote) : requester.remoteAddr,
    peerConnectionEstablished: isEstablished,
    localCandidate:
      isEstablished && remote ? `host/${remote.protocol}/${remote.localAddress}/${ports[remote.protocol].port}` : '',
    remoteCandidate: isEstablished && remote ? `host/${remote.protocol}/${remote.address}/${remote.port}` : '',
    state: media.state,
    path: requester.path,
    query: requester.query,
    user: requester.user,
    userAgent: requester.userAgent,
    inboundBytes: session.inboundBytes,
    inboundRTPPackets: statistics.inboundPackets,
    inboundRTPPacketsLost: statistics.inboundLost,
    inboundRTPPacketsJitter: statistics.jitterSeconds,
    inboundRTCPPackets: session.inboundRtcpPackets,
    outboundBytes,
    outboundRTPPackets: statistics.outboundPackets,
    outboundRTPPacketsReportedLost: statistics.outboundReportedLost,
    outboundRTCPPackets: session.outboundRtcpPackets,
    outboundFramesDiscarded: statistics.framesDiscarded,
    roundTripMs: statistics.roundTripMs === undefined ? null : Math.round(statistics.roundTripMs),
    viewing: statistics.quality ?? null,
    bytesReceived: session.inboundBytes,
    bytesSent: outboundBytes,
    rtpPacketsReceived: statistics.inboundPackets,
    rtpPacketsSent: statistics.outboundPackets,
    rtpPacketsLost: statistics.inboundLost,
    rtpPacketsJitter: statistics.jitterSeconds,
    rtcpPacketsReceived: session.inboundRtcpPackets,
    rtcpPacketsSent: session.outboundRtcpPackets,
  };
}
