import type { WebRtcSession } from './session.ts';
import { addressOf } from './transport/route.ts';

/** A session as MediaMTX's API shows it; the names at the end are older ones for the same numbers. */
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
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly rtpPacketsReceived: number;
  readonly rtpPacketsSent: number;
  readonly rtpPacketsLost: number;
  readonly rtpPacketsJitter: number;
  readonly rtcpPacketsReceived: number;
  readonly rtcpPacketsSent: number;
}

/** @param localAddresses what the session was offered, and `port` of the UDP socket */
export function describeSession(
  session: WebRtcSession,
  localAddresses: readonly string[],
  port: number,
): WebRtcSessionItem {
  const { requester, remote, media } = session;
  const { statistics } = media;
  const isEstablished = session.state === 'connected';
  const local = remote && nearest(localAddresses, remote.address);
  const protocol = remote?.protocol;
  const outboundBytes = statistics.outboundBytes + session.outboundRtcpBytes;
  return {
    id: session.id,
    created: new Date(session.createdWallMs).toISOString(),
    remoteAddr: remote ? addressOf(remote) : requester.remoteAddr,
    peerConnectionEstablished: isEstablished,
    localCandidate: isEstablished && local ? `host/${protocol}/${local}/${port}` : '',
    remoteCandidate: isEstablished && remote ? `host/${protocol}/${remote.address}/${remote.port}` : '',
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

/** The socket listens on all addresses and does not say which one was used: the one most like the viewer's. */
function nearest(addresses: readonly string[], remote: string): string | undefined {
  const common = (address: string): number => {
    let i = 0;
    while (i < address.length && address[i] === remote[i]) {
      i += 1;
    }
    return i;
  };
  const sameFamily = addresses.filter((address) => address.includes(':') === remote.includes(':'));
  return sameFamily.toSorted((a, b) => common(b) - common(a))[0];
}
