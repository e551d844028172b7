import { performance } from 'node:perf_hooks';
import type { PathItem } from '../api/streams/paths.ts';
import { type Labels, labelsText, type MetricKind, type MetricsText } from './metrics-text.ts';

/** Durations of the writes or the flushes of a disk. */
interface TimesFacts {
  readonly count: number;
  readonly totalMs: number;
  readonly lastMs: number;
  readonly maxMs: number;
}

interface DiskFacts {
  readonly folder: string;
  readonly totalBytes: number;
  /** Null: the disk is absent. */
  readonly freeBytes: number | null;
  readonly state: string;
  /** Undefined: nothing has been written there yet. */
  readonly times: { readonly writes: TimesFacts; readonly flushes: TimesFacts } | undefined;
}

/** Losses in the recordings of a path. */
interface LossFacts {
  readonly path: string;
  readonly parts: number;
  readonly samples: { readonly late: number; readonly jumped: number };
  readonly refusedFiles: number;
}

/** Counts of the commands of one hook, such as `runOnRead`. */
interface HookFacts {
  readonly hook: string;
  readonly running: number;
  readonly started: number;
  readonly failed: number;
  readonly leftOut: number;
}

/** Value of a feature. Those with the same suffix differ in their labels. */
export type FeatureMetric = readonly [suffix: string, kind: MetricKind, help: string, value: number, labels?: Labels];

/** Metrics that MediaMTX does not have: the box, its cameras and its recordings. */
export interface DeviceFacts {
  readonly version: string;
  wallMs(): number;
  /** Monotonic: the clock may not have been set at the start. */
  uptimeMs(): number;
  /** Recent delay of the event loop. */
  loopDelay(): { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number };
  /** All possible states of a disk. */
  readonly diskStates: readonly string[];
  disks(): readonly DiskFacts[];
  losses(): readonly LossFacts[];
  hooks(): readonly HookFacts[];
  features(): readonly FeatureMetric[];
}

type Row = readonly [labels: Labels, value: number];
/** One line for each item; none for an undefined value. */
type Metric<T> = readonly [suffix: string, kind: MetricKind, help: string, value: (item: T) => number | undefined];

const CAMERA_STATES = ['running', 'waiting', 'stopped', 'disabled'];

const DISK: readonly Metric<DiskFacts>[] = [
  ['disk_total_bytes', 'gauge', 'Size of a disk for recordings.', ({ totalBytes }) => totalBytes],
  ['disk_free_bytes', 'gauge', 'Free space on a disk for recordings.', ({ freeBytes }) => freeBytes ?? undefined],
];
const HOOK: readonly Metric<HookFacts>[] = [
  ['hook_running', 'gauge', 'Running commands of a hook.', ({ running }) => running],
  ['hook_starts_total', 'counter', 'Commands of a hook that were started.', ({ started }) => started],
  ['hook_failures_total', 'counter', 'Commands of a hook that failed.', ({ failed }) => failed],
  [
    'hook_left_out_total',
    'counter',
    'Commands of a hook that exceeded the limit and were not started.',
    ({ leftOut }) => leftOut,
  ],
];
const SOURCE: readonly Metric<NonNullable<PathItem['sourceStatistics']>>[] = [
  ['source_packets_total', 'counter', 'RTP packets from the camera.', ({ packets }) => packets],
  ['source_packets_lost_total', 'counter', 'RTP packets that never arrived.', ({ lost }) => lost],
  ['source_packets_late_total', 'counter', 'RTP packets that arrived too late.', ({ late }) => late],
  ['source_packets_reordered_total', 'counter', 'RTP packets that arrived out of order.', ({ reordered }) => reordered],
  ['source_packets_bad_total', 'counter', 'Invalid RTP packets.', ({ badPackets }) => badPackets],
  ['source_timestamp_jumps_total', 'counter', "Jumps of the camera's timestamps.", ({ jumps }) => jumps],
];

/** @param only this path, and nothing of the box; empty: everything */
export function writeDevice(text: MetricsText, device: DeviceFacts, paths: readonly PathItem[], only: string): void {
  const isShown = (path: string) => only === '' || path === only;
  const shown = paths.filter(({ name }) => isShown(name));
  const losses = device.losses().filter(({ path }) => isShown(path));
  text.heading('Perch');
  if (only === '') {
    writeProcess(text, device);
    writeDisks(text, device);
    writeAll(text, HOOK, device.hooks(), ({ hook }) => [['hook', hook]]);
  }
  writeValues(text, device.features(), only);
  writeCameras(text, shown, device);
  writeRecordings(text, shown, losses);
  text.end();
}

function writeProcess(text: MetricsText, device: DeviceFacts): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { meanMs, p99Ms, maxMs } = device.loopDelay();
  const { active } = performance.eventLoopUtilization();
  const startS = Math.round((device.wallMs() - device.uptimeMs()) / 1000);
  const info: Labels = [
    ['node', process.versions.node],
    ['version', device.version],
  ];
  writeRows(text, 'info', 'gauge', 'Versions of Perch and Node.', [[info, 1]]);
  writeValues(text, [
    ['start_time_seconds', 'gauge', 'Start of Perch, Unix time.', startS],
    ['process_cpu_seconds_total', 'counter', 'CPU time of the process.', (user + system) / 1e6],
    ['process_resident_memory_bytes', 'gauge', 'Memory of the process.', rss],
    ['process_heap_used_bytes', 'gauge', 'Memory of the process that objects use.', heapUsed],
    ['process_external_memory_bytes', 'gauge', 'Memory of the process that media and other buffers use.', external],
    [
      'event_loop_delay_mean_seconds',
      'gauge',
      'Mean delay of the event loop over the last 10 to 20 s.',
      seconds(meanMs),
    ],
    [
      'event_loop_delay_p99_seconds',
      'gauge',
      '99th percentile of the delay of the event loop over the last 10 to 20 s, of about 50 samples.',
      seconds(p99Ms),
    ],
    [
      'event_loop_delay_max_seconds',
      'gauge',
      'Longest delay of the event loop over the last 10 to 20 s.',
      seconds(maxMs),
    ],
    ['event_loop_busy_seconds_total', 'counter', 'Time that the event loop was busy.', seconds(active)],
  ]);
}

/** @param only rows of this path; empty: everything */
function writeValues(text: MetricsText, values: readonly FeatureMetric[], only = ''): void {
  const isShown = (labels: Labels) => only === '' || labels.some(([name, text]) => name === 'path' && text === only);
  const shown = values.filter(([, , , , labels = []]) => isShown(labels));
  for (const all of Map.groupBy(shown, ([suffix]) => suffix).values()) {
    const [suffix, kind, help] = all[0] as FeatureMetric;
    const rows = all.map(([, , , value, labels = []]): Row => [labels, value]);
    writeRows(text, suffix, kind, help, rows);
  }
}

function writeDisks(text: MetricsText, { disks, diskStates }: DeviceFacts): void {
  const all = disks();
  const labels = ({ folder }: { readonly folder: string }): Labels => [['folder', folder]];
  writeAll(text, DISK, all, labels);
  const states = all.flatMap(({ folder, state }) => stateRows(diskStates, state, ['folder', folder]));
  writeRows(text, 'disk_state', 'gauge', '1: current state of the disk.', states);
  for (const [kind, name, noun] of [
    ['writes', 'write', 'Writes'],
    ['flushes', 'flush', 'Flushes'],
  ] as const) {
    const metrics: readonly Metric<TimesFacts>[] = [
      [`disk_${kind}_total`, 'counter', `${noun} of recordings.`, ({ count }) => count],
      [`disk_${name}_seconds_total`, 'counter', `Total duration of ${kind}.`, ({ totalMs }) => seconds(totalMs)],
      [`disk_${name}_last_seconds`, 'gauge', `Duration of the last ${name}.`, ({ lastMs }) => seconds(lastMs)],
      [`disk_${name}_max_seconds`, 'gauge', `Longest ${name} since the start.`, ({ maxMs }) => seconds(maxMs)],
    ];
    const used = all.flatMap(({ folder, times }) => (times ? [{ folder, ...times[kind] }] : []));
    writeAll(text, metrics, used, labels);
  }
}

function writeCameras(text: MetricsText, paths: readonly PathItem[], device: DeviceFacts): void {
  const [wallMs, uptimeMs] = [device.wallMs(), device.uptimeMs()];
  const cameras = paths.filter(({ sourceState }) => sourceState !== null);
  const wanted = cameras.filter(
    ({ sourceState, sourceOnDemand }) => sourceState !== 'disabled' && !(sourceOnDemand && sourceState === 'stopped'),
  );
  const states = cameras.flatMap(({ name, sourceState }) =>
    stateRows(CAMERA_STATES, sourceState ?? '', ['path', name]),
  );
  const offline = wanted.map(({ name, offlineSince }): Row => {
    const sinceMs = offlineSince === null ? wallMs : Date.parse(offlineSince);
    // At most the uptime: the clock may have been set since.
    return [pathLabel({ name }), seconds(Math.max(0, Math.min(wallMs - sinceMs, uptimeMs)))];
  });
  const clocks = cameras.flatMap(({ name, clockOffsetMs }): Row[] =>
    clockOffsetMs === null ? [] : [[pathLabel({ name }), seconds(clockOffsetMs)]],
  );
  const bits = paths.map((path): Row => [pathLabel(path), path.bitrate]);
  writeRows(text, 'camera_state', 'gauge', '1: current state of the camera.', states);
  writeRows(text, 'camera_offline_seconds', 'gauge', 'Time since an expected camera went offline.', offline);
  writeRows(text, 'camera_clock_offset_seconds', 'gauge', "The camera's clock minus that of this box.", clocks);
  writeRows(text, 'path_bits_per_second', 'gauge', 'Received bits per second.', bits);
  const counted = cameras.flatMap(({ name, sourceStatistics: counts }) => (counts ? [{ name, ...counts }] : []));
  writeAll(text, SOURCE, counted, pathLabel);
}

function writeRecordings(text: MetricsText, paths: readonly PathItem[], losses: readonly LossFacts[]): void {
  const recorded = paths.flatMap(({ name, recording }) => (recording ? [{ name, ...recording }] : []));
  const active = recorded.map((item): Row => [pathLabel(item), item.active ? 1 : 0]);
  const failed = recorded.map((item): Row => [pathLabel(item), item.error === null ? 0 : 1]);
  const parts = losses.map((loss): Row => [[['path', loss.path]], loss.parts]);
  const samples = losses.flatMap(({ path, samples: { jumped, late } }): Row[] => [
    [
      [
        ['path', path],
        ['reason', 'jumped'],
      ],
      jumped,
    ],
    [
      [
        ['path', path],
        ['reason', 'late'],
      ],
      late,
    ],
  ]);
  const files = losses.map((loss): Row => [[['path', loss.path]], loss.refusedFiles]);
  writeRows(text, 'recording_active', 'gauge', '1: the path is being recorded.', active);
  writeRows(text, 'recording_failed', 'gauge', '1: recording is enabled but fails.', failed);
  writeRows(text, 'recording_parts_lost_total', 'counter', 'Parts dropped because the disk was too slow.', parts);
  writeRows(text, 'recording_samples_lost_total', 'counter', 'Samples dropped because of their timestamps.', samples);
  writeRows(text, 'recording_files_refused_total', 'counter', 'Files that the disk rejected.', files);
}

/** A line for each possible state, so that each has a history. */
const stateRows = (states: readonly string[], state: string, label: readonly [string, string]): Row[] =>
  states.map((name) => [[label, ['state', name]], name === state ? 1 : 0]);

const pathLabel = ({ name }: { readonly name: string }): Labels => [['path', name]];

function writeAll<T>(
  text: MetricsText,
  metrics: readonly Metric<T>[],
  items: readonly T[],
  labels: (item: T) => Labels,
): void {
  for (const [suffix, kind, help, value] of metrics) {
    const rows = items.flatMap((item): Row[] => {
      const given = value(item);
      return given === undefined ? [] : [[labels(item), given]];
    });
    writeRows(text, suffix, kind, help, rows);
  }
}

/** Writes the rows of a metric. Without rows the metric is not described. */
function writeRows(text: MetricsText, suffix: string, kind: MetricKind, help: string, rows: readonly Row[]): void {
  const name = `perch_${suffix}`;
  if (text.isDescribed && rows.length > 0) {
    text.describe(name, kind, help);
  }
  for (const [labels, value] of rows) {
    text.sample(name, labelsText(labels), value);
  }
}

const seconds = (ms: number): number => Math.round(ms * 1_000) / 1e6;
