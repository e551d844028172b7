import { NOTHING_RECEIVED, NOTHING_SENT } from '../transport/media-plane.ts';
import { type RtspSession, TRANSPORT_LABEL } from './session.ts';
import type { RtspSessionItem } from './session-kinds.ts';

export function describeSession(session: RtspSession): RtspSessionItem {
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
