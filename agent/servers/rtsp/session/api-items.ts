/** A connection of MediaMTX's API. The last fields are older names of the same numbers. */
export interface RtspConnItem {
  readonly id: string;
  readonly created: string;
  readonly remoteAddr: string;
  readonly session: string | null;
  readonly tunnel: 'none' | 'http' | 'websocket';
  readonly inboundBytes: number;
  readonly outboundBytes: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** A session of MediaMTX's API. The last fields are older names of the same numbers. */
export interface RtspSessionItem {
  readonly id: string;
  readonly created: string;
  readonly remoteAddr: string;
  readonly state: 'idle' | 'read' | 'publish';
  readonly path: string;
  readonly query: string;
  readonly user: string;
  readonly userAgent: string;
  readonly transport: 'UDP' | 'UDP-multicast' | 'TCP' | null;
  readonly profile: 'AVP' | 'SAVP' | null;
  readonly conns: readonly string[];
  readonly inboundBytes: number;
  readonly inboundRTPPackets: number;
  readonly inboundRTPPacketsLost: number;
  readonly inboundRTPPacketsInError: number;
  readonly inboundRTPPacketsJitter: number;
  readonly inboundRTCPPackets: number;
  readonly inboundRTCPPacketsInError: number;
  readonly outboundBytes: number;
  readonly outboundRTPPackets: number;
  readonly outboundRTPPacketsReportedLost: number;
  readonly outboundRTPPacketsDiscarded: number;
  readonly outboundRTCPPackets: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly rtpPacketsReceived: number;
  readonly rtpPacketsSent: number;
  readonly rtpPacketsLost: number;
  readonly rtpPacketsInError: number;
  readonly rtpPacketsJitter: number;
  readonly rtcpPacketsReceived: number;
  readonly rtcpPacketsSent: number;
  readonly rtcpPacketsInError: number;
}

/** A table of the API, oldest first. */
export interface Listed<Item> {
  list(): Item[];
  find(id: string): Item | undefined;
  /** @returns whether it existed */
  kick(id: string): boolean;
}
