import type { PathItem } from '../api/streams/paths.ts';
import type { Labels, MetricKind } from './metrics-text.ts';

/** An item of the control API: its fields become values and labels. */
export type Item = Readonly<Record<string, unknown>>;

export interface Column {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** The item's field, or what makes several lines of an item; none: 1. */
  readonly of?: string | ((item: Item) => readonly (readonly [labels: Labels, value: number])[]);
}

interface Block {
  readonly title: string;
  readonly columns: readonly Column[];
}

/** One kind of MediaMTX's metrics: what `?type=` names, and what `?<filter>=` picks one of. */
export interface MediaKind {
  readonly type: string;
  readonly filter: string;
  readonly filterField: string;
  /** Names of fields, sorted. */
  readonly labels: readonly string[];
  /** What it has now, and below that the same under older names. */
  readonly blocks: readonly Block[];
}

/** `[suffix, field, help]` */
type Row = readonly [suffix: string, of: string, help: string];

interface KindWords {
  readonly type: string;
  readonly title: string;
  /** What each line of the first metric is about. */
  readonly what: string;
  /** Sorted, and the one that the filter asks for is the first. */
  readonly labels: readonly [string, ...string[]];
  readonly split?: readonly Column[];
  readonly rows: readonly Row[];
  /** The same under older names. */
  readonly older?: readonly Row[];
}

function kindOf({ type, title, what, labels, split = [], rows, older = [] }: KindWords): MediaKind {
  const present: Column = { name: type, kind: 'gauge', help: `${what}, one line each.` };
  const deprecated = { title: `${title} (deprecated)`, columns: columnsOf(type, older) };
  return {
    ...{ type, filter: type.slice(0, -'s'.length), filterField: labels[0], labels },
    blocks: [
      { title, columns: [present, ...split, ...columnsOf(type, rows)] },
      ...(older.length > 0 ? [deprecated] : []),
    ],
  };
}

const columnsOf = (type: string, rows: readonly Row[]): readonly Column[] =>
  rows.map(([suffix, of, help]) => {
    const kind = suffix.endsWith('_jitter') ? 'gauge' : 'counter';
    return { name: `${type}_${suffix}`, kind, help, of };
  });

const PATHS = kindOf({
  type: 'paths',
  title: 'Paths',
  what: 'Paths',
  labels: ['name', 'state'],
  split: [{ name: 'paths_readers', kind: 'gauge', help: 'Readers of a path by their type.', of: readersOf }],
  rows: [
    ['inbound_bytes', 'inboundBytes', 'Bytes that came in.'],
    ['outbound_bytes', 'outboundBytes', 'Bytes that were sent to readers.'],
    ['inbound_frames_in_error', 'inboundFramesInError', 'Frames that could not be used.'],
  ],
  older: [
    ['bytes_received', 'bytesReceived', 'Older name of paths_inbound_bytes.'],
    ['bytes_sent', 'bytesSent', 'Older name of paths_outbound_bytes.'],
  ],
});

const FORWARDS = kindOf({
  type: 'forward_dests',
  title: 'Forward destinations',
  what: 'Destinations that streams are forwarded to',
  labels: ['id', 'path', 'protocol', 'state'],
  rows: [['outbound_bytes', 'outboundBytes', 'Bytes that were sent there.']],
});

const HLS_SESSIONS = kindOf({
  type: 'hls_sessions',
  title: 'HLS sessions',
  what: 'HLS sessions',
  labels: ['id', 'path', 'remoteAddr'],
  rows: [['outbound_bytes', 'outboundBytes', 'Bytes that were sent to it.']],
});

const HLS_MUXERS = kindOf({
  type: 'hls_muxers',
  title: 'HLS muxers',
  what: 'HLS muxers',
  labels: ['name'],
  rows: [
    ['outbound_bytes', 'outboundBytes', 'Bytes that were sent of it.'],
    ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames that it left out.'],
  ],
  older: [['bytes_sent', 'bytesSent', 'Older name of hls_muxers_outbound_bytes.']],
});

const rtspConns = (name: 'rtsp' | 'rtsps'): MediaKind =>
  kindOf({
    type: `${name}_conns`,
    title: `${name.toUpperCase()} connections`,
    what: 'Connections',
    labels: ['id'],
    rows: [
      ['inbound_bytes', 'inboundBytes', 'Bytes that came in.'],
      ['outbound_bytes', 'outboundBytes', 'Bytes that were sent.'],
    ],
    older: [
      ['bytes_received', 'bytesReceived', `Older name of ${name}_conns_inbound_bytes.`],
      ['bytes_sent', 'bytesSent', `Older name of ${name}_conns_outbound_bytes.`],
    ],
  });

const SESSION_LABELS = ['id', 'path', 'remoteAddr', 'state'] as const;

const sessionRows = (jitterUnit: 'ticks' | 'seconds'): readonly Row[] => [
  ['inbound_bytes', 'inboundBytes', 'Bytes that came in.'],
  ['inbound_rtp_packets', 'inboundRTPPackets', 'RTP packets that came in.'],
  ['inbound_rtp_packets_lost', 'inboundRTPPacketsLost', 'RTP packets that never came.'],
  ['inbound_rtp_packets_in_error', 'inboundRTPPacketsInError', 'RTP packets that made no sense.'],
  ['inbound_rtp_packets_jitter', 'inboundRTPPacketsJitter', `Jitter of what comes in (RFC 3550), in ${jitterUnit}.`],
  ['inbound_rtcp_packets', 'inboundRTCPPackets', 'RTCP packets that came in.'],
  ['inbound_rtcp_packets_in_error', 'inboundRTCPPacketsInError', 'RTCP packets that made no sense.'],
  ['outbound_bytes', 'outboundBytes', 'Bytes that were sent.'],
  ['outbound_rtp_packets', 'outboundRTPPackets', 'RTP packets that were sent.'],
  ['outbound_rtp_packets_reported_lost', 'outboundRTPPacketsReportedLost', 'RTP packets that the peer missed.'],
  ['outbound_rtp_packets_discarded', 'outboundRTPPacketsDiscarded', 'RTP packets that the peer was too slow for.'],
  ['outbound_rtcp_packets', 'outboundRTCPPackets', 'RTCP packets that were sent.'],
];

const OLDER_SESSION_ROWS: readonly Row[] = [
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

/** Sessions of WebRTC do not count these. */
const isOfRtspAlone = ([suffix]: Row): boolean => /_(in_error|reported_lost|packets_discarded)$/.test(suffix);

const rtspSessions = (name: 'rtsp' | 'rtsps'): MediaKind =>
  kindOf({
    type: `${name}_sessions`,
    title: `${name.toUpperCase()} sessions`,
    what: 'Sessions',
    labels: SESSION_LABELS,
    rows: sessionRows('ticks'),
    older: OLDER_SESSION_ROWS,
  });

const WEBRTC_SESSIONS = kindOf({
  type: 'webrtc_sessions',
  title: 'WebRTC sessions',
  what: 'WebRTC sessions',
  labels: SESSION_LABELS,
  rows: [
    ...sessionRows('seconds').filter((row) => !isOfRtspAlone(row)),
    ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames that the peer was too slow for.'],
  ],
  older: OLDER_SESSION_ROWS.filter((row) => !isOfRtspAlone(row)),
});

/** In MediaMTX's order. */
export const MEDIA_KINDS = [
  PATHS,
  FORWARDS,
  HLS_SESSIONS,
  HLS_MUXERS,
  rtspConns('rtsp'),
  rtspSessions('rtsp'),
  rtspConns('rtsps'),
  rtspSessions('rtsps'),
  WEBRTC_SESSIONS,
] as const;

/** MediaMTX's of servers that Perch does not have: they count as filters all the same. */
const OTHER_FILTERS = ['rtmp_conn', 'rtmps_conn', 'srt_conn', 'moq_session'];
export const FILTERS: readonly string[] = [...MEDIA_KINDS.map(({ filter }) => filter), ...OTHER_FILTERS];

/** A path as its metrics need it. */
export const pathRow = ({ ready, ...rest }: PathItem): Item => ({ ...rest, state: ready ? 'ready' : 'notReady' });

/** One line for each type of reader. */
function readersOf({ readers }: Item): readonly (readonly [Labels, number])[] {
  const counts = new Map<string, number>();
  for (const { type } of readers as readonly { readonly type: string }[]) {
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  if (counts.size === 0) {
    counts.set('', 0);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, count]) => [[['readerType', type]], count]);
}
