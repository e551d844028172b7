import type { WebRtcSession } from './session.ts';
import { addressOf } from './session.ts';

/** A session as MediaMTX's API shows it; the names at the end are older ones for the same numbers. */
export interface WebRtcSessionItem {
  readonly id: string;
  readonly created: string;
  readonly remoteAddr: string;
  readonly peerConnectionEstablished: boolean;
  readonly localCandidate: string;
  readonly remoteCandidate: string;
  readonly state: 'read';
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
  const { viewer, remote, sender, health } = session;
  const isEstablished = session.state === 'connected';
  const local = remote && nearest(localAddresses, remote.address);
  const sent = { bytes: sender?.bytes ?? 0, packets: sender?.packets ?? 0, rtcp: sender?.rtcpPackets ?? 0 };
  return {
    id: session.id,
    created: new Date(session.createdWallMs).toISOString(),
    remoteAddr: remote ? addressOf(remote) : viewer.remoteAddr,
    peerConnectionEstablished: isEstablished,
    localCandidate: isEstablished && local ? `host/udp/${local}/${port}` : '',
    remoteCandidate: isEstablished && remote ? `host/udp/${remote.address}/${remote.port}` : '',
    state: 'read',
    path: viewer.path,
    query: viewer.query,
    user: viewer.user,
    userAgent: viewer.userAgent,
    inboundBytes: session.inboundBytes,
    inboundRTPPackets: 0,
    inboundRTPPacketsLost: 0,
    inboundRTPPacketsJitter: 0,
    inboundRTCPPackets: health.rtcpPackets,
    outboundBytes: sent.bytes,
    outboundRTPPackets: sent.packets,
    outboundRTPPacketsReportedLost: health.lost,
    outboundRTCPPackets: sent.rtcp,
    outboundFramesDiscarded: sender?.framesDiscarded ?? 0,
    bytesReceived: session.inboundBytes,
    bytesSent: sent.bytes,
    rtpPacketsReceived: 0,
    rtpPacketsSent: sent.packets,
    rtpPacketsLost: 0,
    rtpPacketsJitter: 0,
    rtcpPacketsReceived: health.rtcpPackets,
    rtcpPacketsSent: sent.rtcp,
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
