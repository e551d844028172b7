import Type, { type Static } from 'typebox';
import { parseAddress } from '../../config/values/address.ts';
import type { SessionKind } from '../../protocols/contract.ts';
import { SESSION_LABELS } from '../../protocols/rtp-metrics.ts';
import { DEPRECATED_BYTES, numbers, ORIGIN, SUBJECT } from '../../protocols/session-schema.ts';

const RtmpConn = Type.Object({
  ...ORIGIN,
  state: Type.Enum(['idle', 'read', 'publish']),
  ...SUBJECT,
  ...numbers(['inboundBytes', 'outboundBytes', 'outboundFramesDiscarded']),
  ...DEPRECATED_BYTES,
});
export type RtmpConnItem = Static<typeof RtmpConn>;

function rtmpKind(protocol: 'rtmp' | 'rtmps'): SessionKind {
  const label = protocol.toUpperCase();
  return {
    apiType: `${protocol}Conn`,
    protocol,
    collection: `${protocol}conns`,
    noun: 'connection',
    labels: { one: `${label} connection`, all: `${label} connections` },
    itemSchema: RtmpConn,
    metrics: {
      name: `${protocol}_conns`,
      title: `${label} connections`,
      what: 'Connections',
      labels: SESSION_LABELS,
      rows: [
        ['inbound_bytes', 'inboundBytes', 'Bytes received.'],
        ['outbound_bytes', 'outboundBytes', 'Bytes sent.'],
        ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames dropped because the peer was too slow.'],
      ],
      deprecatedRows: [
        ['bytes_received', 'bytesReceived', `Older name of ${protocol}_conns_inbound_bytes.`],
        ['bytes_sent', 'bytesSent', `Older name of ${protocol}_conns_outbound_bytes.`],
      ],
    },
    zlm: {
      typeid: 'RtmpSession',
      schema: 'rtmp',
      listedSchema: ({ rtmp }) => (rtmp ? 'rtmp' : undefined),
      flowSchema: 'rtmp',
      origin: [1, 'rtmp_push'],
      localPort: (config) => parseAddress(config[`${protocol}Address`])?.port ?? 0,
    },
  };
}

export const PLAIN = rtmpKind('rtmp');
export const SECURE = rtmpKind('rtmps');
