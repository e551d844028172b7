import { addressOf } from '../../../transports/webrtc/link/transport.ts';
import type { WebRtcSession } from '../session/session.ts';
import type { WebRtcSessionItem } from '../session/session-kind.ts';
import type { LocalPorts } from '../transport/candidates.ts';

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
