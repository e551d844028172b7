import type { PathItem } from '../api/paths.ts';
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

const counter = (name: string, of: string, help: string): Column => ({ name, kind: 'counter', help, of });
const gauge = (name: string, of: string, help: string): Column => ({ name, kind: 'gauge', help, of });
const present = (name: string, help: string): Column => ({ name, kind: 'gauge', help });

/** Fields of a block under one prefix: `[suffix, field, help]`. */
const columns = (prefix: string, rows: readonly (readonly [string, string, string])[]): Column[] =>
  rows.map(([suffix, of, help]) =>
    suffix.endsWith('_jitter') ? gauge(`${prefix}_${suffix}`, of, help) : counter(`${prefix}_${suffix}`, of, help),
  );

const PATHS: MediaKind = {
  type: 'paths',
  filter: 'path',
  filterField: 'name',
  labels: ['name', 'state'],
  blocks: [
    {
      title: 'Paths',
      columns: [
        present('paths', 'Paths, one line each.'),
        { name: 'paths_readers', kind: 'gauge', help: 'Readers of a path by their type.', of: readersOf },
        ...columns('paths', [
          ['inbound_bytes', 'inboundBytes', 'Bytes that came in.'],
          ['outbound_bytes', 'outboundBytes', 'Bytes that were sent to readers.'],
          ['inbound_frames_in_error', 'inboundFramesInError', 'Frames that could not be used.'],
        ]),
      ],
    },
    {
      title: 'Paths (deprecated)',
      columns: columns('paths', [
        ['bytes_received', 'bytesReceived', 'Older name of paths_inbound_bytes.'],
        ['bytes_sent', 'bytesSent', 'Older name of paths_outbound_bytes.'],
      ]),
    },
  ],
};

const FORWARDS: MediaKind = {
  type: 'forward_dests',
  filter: 'forward_dest',
  filterField: 'id',
  labels: ['id', 'path', 'protocol', 'state'],
  blocks: [
    {
      title: 'Forward destinations',
      columns: [
        present('forward_dests', 'Destinations that streams are forwarded to, one line each.'),
        counter('forward_dests_outbound_bytes', 'outboundBytes', 'Bytes that were sent there.'),
      ],
    },
  ],
};

const HLS_SESSIONS: MediaKind = {
  type: 'hls_sessions',
  filter: 'hls_session',
  filterField: 'id',
  labels: ['id', 'path', 'remoteAddr'],
  blocks: [
    {
      title: 'HLS sessions',
      columns: [
        present('hls_sessions', 'HLS sessions, one line each.'),
        counter('hls_sessions_outbound_bytes', 'outboundBytes', 'Bytes that were sent to it.'),
      ],
    },
  ],
};

const HLS_MUXERS: MediaKind = {
  type: 'hls_muxers',
  filter: 'hls_muxer',
  filterField: 'name',
  labels: ['name'],
  blocks: [
    {
      title: 'HLS muxers',
      columns: [
        present('hls_muxers', 'HLS muxers, one line each.'),
        counter('hls_muxers_outbound_bytes', 'outboundBytes', 'Bytes that were sent of it.'),
        counter('hls_muxers_outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames that it left out.'),
      ],
    },
    {
      title: 'HLS muxers (deprecated)',
      columns: [counter('hls_muxers_bytes_sent', 'bytesSent', 'Older name of hls_muxers_outbound_bytes.')],
    },
  ],
};

const rtspConns = (name: 'rtsp' | 'rtsps'): MediaKind => ({
  type: `${name}_conns`,
  filter: `${name}_conn`,
  filterField: 'id',
  labels: ['id'],
  blocks: [
    {
      title: `${name.toUpperCase()} connections`,
      columns: [
        present(`${name}_conns`, 'Connections, one line each.'),
        counter(`${name}_conns_inbound_bytes`, 'inboundBytes', 'Bytes that came in.'),
        counter(`${name}_conns_outbound_bytes`, 'outboundBytes', 'Bytes that were sent.'),
      ],
    },
    {
      title: `${name.toUpperCase()} connections (deprecated)`,
      columns: [
        counter(`${name}_conns_bytes_received`, 'bytesReceived', `Older name of ${name}_conns_inbound_bytes.`),
        counter(`${name}_conns_bytes_sent`, 'bytesSent', `Older name of ${name}_conns_outbound_bytes.`),
      ],
    },
  ],
});

const SESSION_LABELS = ['id', 'path', 'remoteAddr', 'state'];

const rtspSessions = (name: 'rtsp' | 'rtsps'): MediaKind => ({
  type: `${name}_sessions`,
  filter: `${name}_session`,
  filterField: 'id',
  labels: SESSION_LABELS,
  blocks: [
    {
      title: `${name.toUpperCase()} sessions`,
      columns: [
        present(`${name}_sessions`, 'Sessions, one line each.'),
        ...columns(`${name}_sessions`, [
          ['inbound_bytes', 'inboundBytes', 'Bytes that came in.'],
          ['inbound_rtp_packets', 'inboundRTPPackets', 'RTP packets that came in.'],
          ['inbound_rtp_packets_lost', 'inboundRTPPacketsLost', 'RTP packets that never came.'],
          ['inbound_rtp_packets_in_error', 'inboundRTPPacketsInError', 'RTP packets that made no sense.'],
          ['inbound_rtp_packets_jitter', 'inboundRTPPacketsJitter', 'Jitter of what comes in (RFC 3550), in ticks.'],
          ['inbound_rtcp_packets', 'inboundRTCPPackets', 'RTCP packets that came in.'],
          ['inbound_rtcp_packets_in_error', 'inboundRTCPPacketsInError', 'RTCP packets that made no sense.'],
          ['outbound_bytes', 'outboundBytes', 'Bytes that were sent.'],
          ['outbound_rtp_packets', 'outboundRTPPackets', 'RTP packets that were sent.'],
          ['outbound_rtp_packets_reported_lost', 'outboundRTPPacketsReportedLost', 'RTP packets that the peer missed.'],
          [
            'outbound_rtp_packets_discarded',
            'outboundRTPPacketsDiscarded',
            'RTP packets that the peer was too slow for.',
          ],
          ['outbound_rtcp_packets', 'outboundRTCPPackets', 'RTCP packets that were sent.'],
        ]),
      ],
    },
    {
      title: `${name.toUpperCase()} sessions (deprecated)`,
      columns: columns(`${name}_sessions`, [
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
      ]),
    },
  ],
});

const WEBRTC_SESSIONS: MediaKind = {
  type: 'webrtc_sessions',
  filter: 'webrtc_session',
  filterField: 'id',
  labels: SESSION_LABELS,
  blocks: [
    {
      title: 'WebRTC sessions',
      columns: [
        present('webrtc_sessions', 'WebRTC sessions, one line each.'),
        ...columns('webrtc_sessions', [
          ['inbound_bytes', 'inboundBytes', 'Bytes that came in.'],
          ['inbound_rtp_packets', 'inboundRTPPackets', 'RTP packets that came in.'],
          ['inbound_rtp_packets_lost', 'inboundRTPPacketsLost', 'RTP packets that never came.'],
          ['inbound_rtp_packets_jitter', 'inboundRTPPacketsJitter', 'Jitter of what comes in (RFC 3550), in seconds.'],
          ['inbound_rtcp_packets', 'inboundRTCPPackets', 'RTCP packets that came in.'],
          ['outbound_bytes', 'outboundBytes', 'Bytes that were sent.'],
          ['outbound_rtp_packets', 'outboundRTPPackets', 'RTP packets that were sent.'],
          ['outbound_rtcp_packets', 'outboundRTCPPackets', 'RTCP packets that were sent.'],
          ['outbound_frames_discarded', 'outboundFramesDiscarded', 'Frames that the peer was too slow for.'],
        ]),
      ],
    },
    {
      title: 'WebRTC sessions (deprecated)',
      columns: columns('webrtc_sessions', [
        ['bytes_received', 'bytesReceived', 'Older name of inbound_bytes.'],
        ['bytes_sent', 'bytesSent', 'Older name of outbound_bytes.'],
        ['rtp_packets_received', 'rtpPacketsReceived', 'Older name of inbound_rtp_packets.'],
        ['rtp_packets_sent', 'rtpPacketsSent', 'Older name of outbound_rtp_packets.'],
        ['rtp_packets_lost', 'rtpPacketsLost', 'Older name of inbound_rtp_packets_lost.'],
        ['rtp_packets_jitter', 'rtpPacketsJitter', 'Older name of inbound_rtp_packets_jitter.'],
        ['rtcp_packets_received', 'rtcpPacketsReceived', 'Older name of inbound_rtcp_packets.'],
        ['rtcp_packets_sent', 'rtcpPacketsSent', 'Older name of outbound_rtcp_packets.'],
      ]),
    },
  ],
};

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
