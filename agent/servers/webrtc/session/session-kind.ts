import Type, { type Static } from 'typebox';
import { parseAddress } from '../../../config/values/address.ts';
import { OrNull } from '../../../http/api/schema/schemas.ts';
import type { MetricRow, SessionKind } from '../../../protocols/contract.ts';
import { DEPRECATED_RTP_SESSION_ROWS, rtpSessionRows, SESSION_LABELS } from '../../../protocols/rtp-metrics.ts';
import { DEPRECATED_BYTES, numbers, ORIGIN, SUBJECT } from '../../../protocols/session-schema.ts';

const WebRtcSession = Type.Object({
  ...ORIGIN,
  peerConnectionEstablished: Type.Boolean(),
  localCandidate: Type.String({ description: '`host/udp/192.168.1.4/8189`' }),
  remoteCandidate: Type.String(),
  state: Type.Enum(['read', 'publish']),
  ...SUBJECT,
  ...numbers([
    'inboundBytes',
    'inboundRTPPackets',
    'inboundRTPPacketsLost',
    'inboundRTPPacketsJitter',
    'inboundRTCPPackets',
    'outboundBytes',
    'outboundRTPPackets',
    'outboundRTPPacketsReportedLost',
    'outboundRTCPPackets',
    'outboundFramesDiscarded',
  ]),
  roundTripMs: OrNull(Type.Number({ description: "By the peer's receiver reports." })),
  viewing: OrNull(
    Type.Enum(['all', 'fallback', 'keyFrames'], { description: 'How much of the stream a viewer is given.' }),
  ),
  ...DEPRECATED_BYTES,
  ...numbers([
    'rtpPacketsReceived',
    'rtpPacketsSent',
    'rtpPacketsLost',
    'rtpPacketsJitter',
    'rtcpPacketsReceived',
    'rtcpPacketsSent',
  ]),
});

export type WebRtcSessionItem = Static<typeof WebRtcSession>;

/** Whether WebRTC sessions lack this row: they do not count these values. */
const isUncounted = ([suffix]: MetricRow): boolean => /_(in_error|reported_lost|packets_discarded)$/.test(suffix);

export const WEBRTC_SESSION: SessionKind = {
  apiType: 'webRTCSession',
  protocol: 'webrtc',
  collection: 'webrtcsessions',
  noun: 'session',
  labels: { one: 'WebRTC session', all: 'WebRTC sessions' },
  itemSchema: WebRtcSession,
  isUsedByPages: true,
  metrics: {
    name: 'webrtc_sessions',
    title: 'WebRTC sessions',
    what: 'WebRTC sessions',
    labels: SESSION_LABELS,
    rows: [
      ...rtpSessionRows('seconds').filter((row) => !isUncounted(row)),
      ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames dropped because the peer was too slow.'],
    ],
    deprecatedRows: DEPRECATED_RTP_SESSION_ROWS.filter((row) => !isUncounted(row)),
  },
  zlm: {
    typeid: 'WebRtcSession',
    schema: 'rtsp',
    listedSchema: ({ webrtc }) => (webrtc ? 'rtsp' : undefined),
    flowSchema: 'rtc',
    isUdp: true,
    origin: [8, 'rtc_push'],
    localPort: (config) => parseAddress(config.webrtcLocalUDPAddress)?.port ?? 0,
  },
};
