import Type, { type Static } from 'typebox';
import type { Config } from '../../../config/load/load.ts';
import { parseAddress } from '../../../config/values/address.ts';
import { OrNull } from '../../../http/api/schema/schemas.ts';
import type { SessionKind } from '../../../protocols/contract.ts';
import { DEPRECATED_RTP_SESSION_ROWS, rtpSessionRows, SESSION_LABELS } from '../../../protocols/rtp-metrics.ts';
import { DEPRECATED_BYTES, Id, numbers, ORIGIN, SUBJECT } from '../../../protocols/session-schema.ts';

const RtspConn = Type.Object({
  ...ORIGIN,
  session: OrNull(Id),
  tunnel: Type.Enum(['none', 'http', 'websocket']),
  ...numbers(['inboundBytes', 'outboundBytes']),
  ...DEPRECATED_BYTES,
});
export type RtspConnItem = Static<typeof RtspConn>;

const RtspSession = Type.Object({
  ...ORIGIN,
  state: Type.Enum(['idle', 'read', 'publish']),
  ...SUBJECT,
  transport: OrNull(Type.Enum(['UDP', 'UDP-multicast', 'TCP'])),
  profile: OrNull(Type.Enum(['AVP', 'SAVP'])),
  conns: Type.Array(Id),
  ...numbers([
    'inboundBytes',
    'inboundRTPPackets',
    'inboundRTPPacketsLost',
    'inboundRTPPacketsInError',
    'inboundRTPPacketsJitter',
    'inboundRTCPPackets',
    'inboundRTCPPacketsInError',
    'outboundBytes',
    'outboundRTPPackets',
    'outboundRTPPacketsReportedLost',
    'outboundRTPPacketsDiscarded',
    'outboundRTCPPackets',
  ]),
  ...DEPRECATED_BYTES,
  ...numbers([
    'rtpPacketsReceived',
    'rtpPacketsSent',
    'rtpPacketsLost',
    'rtpPacketsInError',
    'rtpPacketsJitter',
    'rtcpPacketsReceived',
    'rtcpPacketsSent',
    'rtcpPacketsInError',
  ]),
});
export type RtspSessionItem = Static<typeof RtspSession>;

export interface RtspKinds {
  readonly connection: SessionKind;
  readonly session: SessionKind;
}

function kindsOf(protocol: 'rtsp' | 'rtsps'): RtspKinds {
  const label = protocol.toUpperCase();
  const port = (config: Config) => parseAddress(config[`${protocol}Address`])?.port ?? 0;
  return {
    connection: {
      apiType: `${protocol}Conn`,
      protocol,
      collection: `${protocol}conns`,
      noun: 'connection',
      labels: { one: `${label} connection`, all: `${label} connections` },
      itemSchema: RtspConn,
      metrics: {
        name: `${protocol}_conns`,
        title: `${label} connections`,
        what: 'Connections',
        labels: ['id'],
        rows: [
          ['inbound_bytes', 'inboundBytes', 'Bytes received.'],
          ['outbound_bytes', 'outboundBytes', 'Bytes sent.'],
        ],
        deprecatedRows: [
          ['bytes_received', 'bytesReceived', `Older name of ${protocol}_conns_inbound_bytes.`],
          ['bytes_sent', 'bytesSent', `Older name of ${protocol}_conns_outbound_bytes.`],
        ],
      },
    },
    session: {
      apiType: `${protocol}Session`,
      protocol,
      collection: `${protocol}sessions`,
      noun: 'session',
      labels: { one: `${label} session`, all: `${label} sessions` },
      itemSchema: RtspSession,
      metrics: {
        name: `${protocol}_sessions`,
        title: `${label} sessions`,
        what: 'Sessions',
        labels: SESSION_LABELS,
        rows: rtpSessionRows('ticks'),
        deprecatedRows: DEPRECATED_RTP_SESSION_ROWS,
      },
      zlm: {
        typeid: 'RtspSession',
        schema: 'rtsp',
        listedSchema: ({ rtsp }) => (rtsp ? 'rtsp' : undefined),
        flowSchema: 'rtsp',
        origin: [2, 'rtsp_push'],
        localPort: port,
      },
    },
  };
}

export const PLAIN = kindsOf('rtsp');
export const SECURE = kindsOf('rtsps');
