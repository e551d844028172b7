import type { MetricGroup, MetricRow, SessionKind } from '../../protocols/contract.ts';
import type { PathItem } from '../api/streams/paths.ts';
import type { Labels, MetricKind } from './metrics-text.ts';

/** An item of the control API: its fields become values and labels. */
export type Item = Readonly<Record<string, unknown>>;

export interface Column {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** Field of the item, or a function for several lines of an item; absent: 1. */
  readonly of?: string | ((item: Item) => readonly (readonly [labels: Labels, value: number])[]);
}

interface Block {
  readonly title: string;
  readonly columns: readonly Column[];
}

/** One kind of MediaMTX's metrics, selected by `?type=`; `?<filter>=` selects one item. */
export interface MediaKind {
  readonly type: string;
  readonly filter: string;
  readonly filterField: string;
  readonly labels: readonly (readonly [name: string, field: string])[];
  /** Current names, then older ones. */
  readonly blocks: readonly Block[];
}

function mediaKind(group: MetricGroup, split: readonly Column[] = []): MediaKind {
  const { name, title, what, rows, deprecatedRows = [] } = group;
  const labels = group.labels.map((label) => (typeof label === 'string' ? ([label, label] as const) : label));
  const present: Column = { name, kind: 'gauge', help: `${what}, one line each.` };
  const deprecated = { title: `${title} (deprecated)`, columns: columnsOf(name, deprecatedRows) };
  return {
    type: name,
    filter: filterOf(name),
    filterField: labels[0]?.[1] ?? '',
    labels,
    blocks: [
      { title, columns: [present, ...split, ...columnsOf(name, rows)] },
      ...(deprecatedRows.length > 0 ? [deprecated] : []),
    ],
  };
}

/** `rtsp_session` of `rtsp_sessions`. */
const filterOf = (name: string): string => name.slice(0, -'s'.length);

const columnsOf = (group: string, rows: readonly MetricRow[]): readonly Column[] =>
  rows.map(([suffix, of, help, kind = suffix.endsWith('_jitter') ? 'gauge' : 'counter']) => {
    return { name: `${group}_${suffix}`, kind, help, of };
  });

const PATHS = mediaKind(
  {
    name: 'paths',
    title: 'Paths',
    what: 'Paths',
    labels: ['name', 'state'],
    rows: [
      ['inbound_bytes', 'inboundBytes', 'Received bytes.'],
      ['outbound_bytes', 'outboundBytes', 'Bytes sent to readers.'],
      ['inbound_frames_in_error', 'inboundFramesInError', 'Invalid frames.'],
    ],
    deprecatedRows: [
      ['bytes_received', 'bytesReceived', 'Older name of paths_inbound_bytes.'],
      ['bytes_sent', 'bytesSent', 'Older name of paths_outbound_bytes.'],
    ],
  },
  [{ name: 'paths_readers', kind: 'gauge', help: 'Readers of a path by their type.', of: readersOf }],
);

const FORWARDS = mediaKind({
  name: 'forward_dests',
  title: 'Forward destinations',
  what: 'Destinations that streams are forwarded to',
  labels: ['id', 'path', 'protocol', 'state'],
  rows: [['outbound_bytes', 'outboundBytes', 'Bytes sent there.']],
});

/** MediaMTX's order. Kinds that Perch does not have are valid filters, too. */
const ORDER: readonly string[] = [
  'hls_sessions',
  'hls_muxers',
  'rtsp_conns',
  'rtsp_sessions',
  'rtsps_conns',
  'rtsps_sessions',
  'rtmp_conns',
  'rtmps_conns',
  'srt_conns',
  'webrtc_sessions',
  'moq_sessions',
];

/** Paths, forward destinations and sessions. */
export interface MediaKinds {
  readonly all: readonly (MediaKind & { readonly session?: SessionKind })[];
  readonly filters: readonly string[];
}

/** Kinds of session that MediaMTX does not have come last. */
export function mediaKindsOf(kinds: readonly SessionKind[]): MediaKinds {
  const rank = ({ metrics }: SessionKind): number => {
    const index = ORDER.indexOf(metrics.name);
    return index < 0 ? ORDER.length : index;
  };
  const sorted = kinds.toSorted((a, b) => rank(a) - rank(b));
  const all = [PATHS, FORWARDS, ...sorted.map((session) => ({ ...mediaKind(session.metrics), session }))];
  return { all, filters: [...all.map(({ type }) => type), ...ORDER].map(filterOf) };
}

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
