import Type, { type Static } from 'typebox';
import { parseAddress } from '../../config/values/address.ts';
import type { MetricRow, SessionKind } from '../../protocols/contract.ts';
import { SESSION_LABELS } from '../../protocols/rtp-metrics.ts';
import { numbers, ORIGIN } from '../../protocols/session-schema.ts';
import type { SrtValues } from '../../transports/srt/connection.ts';

/** MediaMTX's names and order: field, metric, help. */
const VALUES = [
  ['packetsSent', 'packets_sent', 'Data packets sent, retransmissions included.'],
  ['packetsReceived', 'packets_received', 'Data packets received, retransmissions included.'],
  ['packetsSentUnique', 'packets_sent_unique', 'Data packets sent for the first time.'],
  ['packetsReceivedUnique', 'packets_received_unique', 'Data packets received in time and decrypted.'],
  ['packetsSendLoss', 'packets_send_loss', 'Data packets that the receiver reported as lost.'],
  ['packetsReceivedLoss', 'packets_received_loss', 'Data packets found to be missing.'],
  ['packetsRetrans', 'packets_retrans', 'Data packets sent again.'],
  ['packetsReceivedRetrans', 'packets_received_retrans', 'Retransmitted data packets received.'],
  ['packetsSentACK', 'packets_sent_ack', 'Full acknowledgements sent.'],
  ['packetsReceivedACK', 'packets_received_ack', 'Acknowledgements received.'],
  ['packetsSentNAK', 'packets_sent_nak', 'Loss reports sent.'],
  ['packetsReceivedNAK', 'packets_received_nak', 'Loss reports received.'],
  ['packetsSentKM', 'packets_sent_km', 'Key material packets sent.'],
  ['packetsReceivedKM', 'packets_received_km', 'Key material packets received.'],
  ['usSndDuration', 'us_snd_duration', 'Time with unacknowledged packets, in microseconds.'],
  ['packetsReceivedBelated', 'packets_received_belated', 'Data packets received too late.'],
  ['packetsSendDrop', 'packets_send_drop', 'Data packets that the sender dropped as too late.'],
  ['packetsReceivedDrop', 'packets_received_drop', 'Missing data packets that the receiver skipped.'],
  ['packetsReceivedUndecrypt', 'packets_received_undecrypt', 'Data packets that could not be decrypted.'],
  ['bytesSent', 'bytes_sent', 'Bytes of packets_sent, headers included.'],
  ['bytesReceived', 'bytes_received', 'Bytes of packets_received, headers included.'],
  ['bytesSentUnique', 'bytes_sent_unique', 'Bytes of packets_sent_unique.'],
  ['bytesReceivedUnique', 'bytes_received_unique', 'Bytes of packets_received_unique.'],
  ['bytesReceivedLoss', 'bytes_received_loss', 'Bytes of packets_received_loss, estimated.'],
  ['bytesRetrans', 'bytes_retrans', 'Bytes of packets_retrans.'],
  ['bytesReceivedRetrans', 'bytes_received_retrans', 'Bytes of packets_received_retrans.'],
  ['bytesReceivedBelated', 'bytes_received_belated', 'Bytes of packets_received_belated.'],
  ['bytesSendDrop', 'bytes_send_drop', 'Bytes of packets_send_drop.'],
  ['bytesReceivedDrop', 'bytes_received_drop', 'Bytes of packets_received_drop, estimated.'],
  ['bytesReceivedUndecrypt', 'bytes_received_undecrypt', 'Bytes of packets_received_undecrypt.'],
  ['usPacketsSendPeriod', 'us_packets_send_period', 'Minimum interval between packets sent, in microseconds.'],
  ['packetsFlowWindow', 'packets_flow_window', 'Packets that may be unacknowledged.'],
  ['packetsFlightSize', 'packets_flight_size', 'Packets that are unacknowledged.'],
  ['msRTT', 'ms_rtt', 'Round-trip time, in milliseconds.'],
  ['mbpsSendRate', 'mbps_send_rate', 'Send rate in Mbit/s.'],
  ['mbpsReceiveRate', 'mbps_receive_rate', 'Receive rate in Mbit/s.'],
  ['mbpsLinkCapacity', 'mbps_link_capacity', 'Estimated capacity of the link in Mbit/s.'],
  ['bytesAvailSendBuf', 'bytes_avail_send_buf', 'Free bytes of the send buffer.'],
  ['bytesAvailReceiveBuf', 'bytes_avail_receive_buf', 'Free bytes of the receive buffer.'],
  ['mbpsMaxBW', 'mbps_max_bw', 'Limit of the send rate in Mbit/s.'],
  ['byteMSS', 'bytes_mss', 'Maximum segment size in bytes.'],
  ['packetsSendBuf', 'packets_send_buf', 'Packets in the send buffer.'],
  ['bytesSendBuf', 'bytes_send_buf', 'Bytes in the send buffer.'],
  ['msSendBuf', 'ms_send_buf', 'Time span of the send buffer, in milliseconds.'],
  ['msSendTsbPdDelay', 'ms_send_tsb_pd_delay', 'Latency of the peer, in milliseconds.'],
  ['packetsReceiveBuf', 'packets_receive_buf', 'Packets in the receive buffer.'],
  ['bytesReceiveBuf', 'bytes_receive_buf', 'Bytes in the receive buffer.'],
  ['msReceiveBuf', 'ms_receive_buf', 'Time span of the receive buffer, in milliseconds.'],
  ['msReceiveTsbPdDelay', 'ms_receive_tsb_pd_delay', 'Latency of this end, in milliseconds.'],
  ['packetsReorderTolerance', 'packets_reorder_tolerance', 'Packets of reordering before a loss is reported.'],
  ['packetsReceivedAvgBelatedTime', 'packets_received_avg_belated_time', 'Average delay of belated packets, in ms.'],
  ['packetsSendLossRate', 'packets_send_loss_rate', 'Percentage of retransmissions in packets_sent.'],
  ['packetsReceivedLossRate', 'packets_received_loss_rate', 'Percentage of retransmissions in packets_received.'],
] as const satisfies readonly (readonly [field: keyof SrtValues, metric: string, help: string])[];

const SrtConn = Type.Object({
  ...ORIGIN,
  state: Type.Enum(['idle', 'read', 'publish']),
  path: Type.String(),
  query: Type.String(),
  user: Type.String(),
  ...numbers(VALUES.map(([field]) => field)),
  ...numbers(['inboundBytes', 'outboundBytes', 'outboundFramesDiscarded']),
});
export type SrtConnItem = Static<typeof SrtConn>;

/** Values before the handshake is answered. */
export const IDLE_VALUES = Object.fromEntries(VALUES.map(([field]) => [field, 0])) as SrtValues;

const isGauge = (metric: string): boolean =>
  /^(ms|mbps|us_packets)_|_(window|size|buf|mss|tolerance|time|rate)$/.test(metric);

const ROWS: readonly MetricRow[] = [
  ...VALUES.map(([field, metric, help]): MetricRow => [metric, field, help, isGauge(metric) ? 'gauge' : 'counter']),
  ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames dropped because the reader was too slow.'],
];

export const SRT_CONN: SessionKind = {
  apiType: 'srtConn',
  protocol: 'srt',
  collection: 'srtconns',
  noun: 'connection',
  labels: { one: 'SRT connection', all: 'SRT connections' },
  itemSchema: SrtConn,
  metrics: { name: 'srt_conns', title: 'SRT connections', what: 'Connections', labels: SESSION_LABELS, rows: ROWS },
  zlm: {
    typeid: 'SrtSession',
    schema: 'ts',
    listedSchema: ({ srt }) => (srt ? 'ts' : undefined),
    flowSchema: 'srt',
    isUdp: true,
    origin: [9, 'srt_push'],
    localPort: ({ srtAddress }) => parseAddress(srtAddress)?.port ?? 0,
  },
};
