import type { MetricRow } from './contract.ts';

export const SESSION_LABELS = ['id', 'path', 'remoteAddr', 'state'] as const;

export const rtpSessionRows = (jitterUnit: 'ticks' | 'seconds'): readonly MetricRow[] => [
  ['inbound_bytes', 'inboundBytes', 'Bytes received.'],
  ['inbound_rtp_packets', 'inboundRTPPackets', 'RTP packets received.'],
  ['inbound_rtp_packets_lost', 'inboundRTPPacketsLost', 'RTP packets lost on their way to Perch.'],
  ['inbound_rtp_packets_in_error', 'inboundRTPPacketsInError', 'Invalid RTP packets.'],
  [
    'inbound_rtp_packets_jitter',
    'inboundRTPPacketsJitter',
    `Jitter of the received packets (RFC 3550), in ${jitterUnit}.`,
  ],
  ['inbound_rtcp_packets', 'inboundRTCPPackets', 'RTCP packets received.'],
  ['inbound_rtcp_packets_in_error', 'inboundRTCPPacketsInError', 'Invalid RTCP packets.'],
  ['outbound_bytes', 'outboundBytes', 'Bytes sent.'],
  ['outbound_rtp_packets', 'outboundRTPPackets', 'RTP packets sent.'],
  [
    'outbound_rtp_packets_reported_lost',
    'outboundRTPPacketsReportedLost',
    'RTP packets that the peer reported as lost.',
  ],
  [
    'outbound_rtp_packets_discarded',
    'outboundRTPPacketsDiscarded',
    'RTP packets dropped because the peer was too slow.',
  ],
  ['outbound_rtcp_packets', 'outboundRTCPPackets', 'RTCP packets sent.'],
];

export const DEPRECATED_RTP_SESSION_ROWS: readonly MetricRow[] = [
  ['bytes_received', 'bytesReceived', 'Older name of inbound_bytes.'],
  ['bytes_sent', 'bytesSent', 'Older name of outbound_bytes.'],
  ['rtp_packets_received', 'rtpPacketsReceived', 'Older name of inbound_rtp_packets.'],
  ['rtp_packets_sent', 'rtpPacketsSent', 'Older name of outbound_rtp_packets.'],
  ['rtp_packets_lost', 'rtpPacketsLost', 'Older name of inbound_rtp_packets_lost.'],
  ['rtp_packets_in_error', 'rtpPacketsInError', 'Older name of inbound_rtp_packets_in_error.'],
  ['rtp_packets_jitter', 'rtpPacketsJitter', 'Older name of inbound_rtp_packets_jitter.'],
  ['rtcp_packets_received', 'rtcpPacketsReceived', 'Older name of inbound_rtcp_packets.'],
  ['rtcp_packets_sent', 'rtcpPacketsSent', 'Older name of outbound_rtcp_packets.'],
  ['rtcp_packets_in_error', 'rtcpPacketsInError', 'Older name of inbound_rtcp_packets_in_error.'],
];
