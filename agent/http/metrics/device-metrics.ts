import { performance } from 'node:perf_hooks';
import type { PathItem } from '../api/streams/paths.ts';
import { type Labels, labelsText, type MetricKind, type MetricsText } from './metrics-text.ts';

/** How long the writes or the flushes of a disk take, in milliseconds. */
interface TimesFacts {
  readonly count: number;
  readonly totalMs: number;
  readonly lastMs: number;
  readonly maxMs: number;
}

interface DiskFacts {
  readonly folder: string;
  readonly totalBytes: number;
  /** Null: the disk is not there. */
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

/** Metrics that MediaMTX does not have: the device, its cameras and its recordings. */
export interface DeviceFacts {
  readonly version: string;
  wallMs(): number;
  /** Monotonic: the clock may not have been set at the start. */
  uptimeMs(): number;
  /** Recent delay of the event loop. */
  loopDelay(): { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number };
  /** Every state that a disk can be in. */
  readonly diskStates: readonly string[];
  disks(): readonly DiskFacts[];
  losses(): readonly LossFacts[];
  hooks(): readonly HookFacts[];
}

type Row = readonly [labels: Labels, value: number];

const NONE: Labels = [];
const CAMERA_STATES = ['running', 'waiting', 'stopped', 'disabled'];

/** @param only this path, and nothing of the device; empty: everything */
export function writeDevice(text: MetricsText, box: DeviceFacts, paths: readonly PathItem[], only: string): void {
  const isShown = (path: string) => only === '' || path === only;
  text.heading('Perch');
  if (only === '') {
    writeProcess(text, box);
    writeDisks(text, box);
    writeHooks(text, box.hooks());
  }
  writeCameras(
    text,
    paths.filter(({ name }) => isShown(name)),
    box,
  );
  writeRecordings(
    text,
    paths.filter(({ name }) => isShown(name)),
    box.losses().filter(({ path }) => isShown(path)),
  );
  text.end();
}

function writeProcess(text: MetricsText, box: DeviceFacts): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { meanMs, p99Ms, maxMs } = box.loopDelay();
  const { active } = performance.eventLoopUtilization();
  const info: Labels = [
    ['node', process.versions.node],
    ['version', box.version],
  ];
  one(text, 'info', 'gauge', 'What runs here.', 1, info);
  one(
    text,
    'start_time_seconds',
    'gauge',
    'When it was started, Unix time.',
    Math.round((box.wallMs() - box.uptimeMs()) / 1000),
  );
  one(text, 'process_cpu_seconds_total', 'counter', 'CPU time of the process.', (user + system) / 1e6);
  one(text, 'process_resident_memory_bytes', 'gauge', 'Memory of the process.', rss);
  one(text, 'process_heap_used_bytes', 'gauge', 'Of that, objects.', heapUsed);
  one(text, 'process_external_memory_bytes', 'gauge', 'Of that, media and other buffers.', external);
  one(text, 'event_loop_delay_mean_seconds', 'gauge', 'How late the event loop is, last 10 to 20 s.', seconds(meanMs));
  one(text, 'event_loop_delay_p99_seconds', 'gauge', 'The same, 99th percentile of some fifty looks.', seconds(p99Ms));
  one(text, 'event_loop_delay_max_seconds', 'gauge', 'The same, the latest.', seconds(maxMs));
  one(text, 'event_loop_busy_seconds_total', 'counter', 'Time in which the event loop worked.', seconds(active));
}

function writeDisks(text: MetricsText, { disks, diskStates }: DeviceFacts): void {
  const all = disks();
  const used = all.flatMap(({ folder, times }) => (times ? [{ folder, ...times }] : []));
  const of = (folder: string): Labels => [['folder', folder]];
  const rows = (value: (disk: DiskFacts) => number) => all.map((disk): Row => [of(disk.folder), value(disk)]);
  many(
    text,
    'disk_total_bytes',
    'gauge',
    'Size of a disk that recordings go to.',
    rows(({ totalBytes }) => totalBytes),
  );
  many(
    text,
    'disk_free_bytes',
    'gauge',
    'What is free on it.',
    all.flatMap(({ folder, freeBytes }): Row[] => (freeBytes === null ? [] : [[of(folder), freeBytes]])),
  );
  const states = all.flatMap(({ folder, state }) => stateRows(diskStates, state, ['folder', folder]));
  many(text, 'disk_state', 'gauge', '1: this is the state of the disk.', states);
  for (const [kind, name, noun] of [
    ['writes', 'write', 'Writes'],
    ['flushes', 'flush', 'Flushes'],
  ] as const) {
    const timed = (value: (times: TimesFacts) => number) =>
      used.map((disk): Row => [of(disk.folder), value(disk[kind])]);
    many(
      text,
      `disk_${kind}_total`,
      'counter',
      `${noun} of recordings.`,
      timed(({ count }) => count),
    );
    many(
      text,
      `disk_${name}_seconds_total`,
      'counter',
      'What they took.',
      timed(({ totalMs }) => seconds(totalMs)),
    );
    many(
      text,
      `disk_${name}_last_seconds`,
      'gauge',
      'What the last took.',
      timed(({ lastMs }) => seconds(lastMs)),
    );
    many(
      text,
      `disk_${name}_max_seconds`,
      'gauge',
      'The longest since the start.',
      timed(({ maxMs }) => seconds(maxMs)),
    );
  }
}

function writeHooks(text: MetricsText, hooks: readonly HookFacts[]): void {
  const of = (value: (facts: HookFacts) => number) => hooks.map((facts): Row => [[['hook', facts.hook]], value(facts)]);
  many(
    text,
    'hook_running',
    'gauge',
    'Commands of a hook that run.',
    of(({ running }) => running),
  );
  many(
    text,
    'hook_starts_total',
    'counter',
    'Commands that were started.',
    of(({ started }) => started),
  );
  many(
    text,
    'hook_failures_total',
    'counter',
    'Commands that have failed.',
    of(({ failed }) => failed),
  );
  many(
    text,
    'hook_left_out_total',
    'counter',
    'Commands that were one too many.',
    of(({ leftOut }) => leftOut),
  );
}

function writeCameras(text: MetricsText, paths: readonly PathItem[], box: DeviceFacts): void {
  const [wallMs, uptimeMs] = [box.wallMs(), box.uptimeMs()];
  const cameras = paths.filter(({ sourceState }) => sourceState !== null);
  const wanted = cameras.filter(
    ({ sourceState, sourceOnDemand }) => sourceState !== 'disabled' && !(sourceOnDemand && sourceState === 'stopped'),
  );
  const states = cameras.flatMap(({ name, sourceState }) =>
    stateRows(CAMERA_STATES, sourceState ?? '', ['path', name]),
  );
  const offline = wanted.map(({ name, offlineSince }): Row => {
    const sinceMs = offlineSince === null ? wallMs : Date.parse(offlineSince);
    // No longer than we know of it: the clock may have been set since.
    return [pathLabel(name), seconds(Math.max(0, Math.min(wallMs - sinceMs, uptimeMs)))];
  });
  const clocks = cameras.flatMap(({ name, clockOffsetMs }): Row[] =>
    clockOffsetMs === null ? [] : [[pathLabel(name), seconds(clockOffsetMs)]],
  );
  const bits = paths.map(({ name, bitrate }): Row => [pathLabel(name), bitrate]);
  many(text, 'camera_state', 'gauge', '1: this is the state of the camera.', states);
  many(text, 'camera_offline_seconds', 'gauge', 'For how long a camera has been away that should be there.', offline);
  many(text, 'camera_clock_offset_seconds', 'gauge', "The camera's clock minus ours.", clocks);
  many(text, 'path_bits_per_second', 'gauge', 'What comes in.', bits);
  const counted = cameras.flatMap(({ name, sourceStatistics }) =>
    sourceStatistics ? [{ name, ...sourceStatistics }] : [],
  );
  for (const [suffix, field, help] of [
    ['packets_total', 'packets', 'RTP packets that came from the camera.'],
    ['packets_lost_total', 'lost', 'RTP packets that never came.'],
    ['packets_late_total', 'late', 'RTP packets that came too late.'],
    ['packets_reordered_total', 'reordered', 'RTP packets that came out of order.'],
    ['packets_bad_total', 'badPackets', 'RTP packets that made no sense.'],
    ['timestamp_jumps_total', 'jumps', "Times that the camera's timestamps jumped."],
  ] as const) {
    const rows = counted.map((source): Row => [pathLabel(source.name), source[field]]);
    many(text, `source_${suffix}`, 'counter', help, rows);
  }
}

function writeRecordings(text: MetricsText, paths: readonly PathItem[], losses: readonly LossFacts[]): void {
  const recorded = paths.flatMap(({ name, recording }) => (recording ? [{ name, ...recording }] : []));
  const active = recorded.map(({ name, active }): Row => [pathLabel(name), active ? 1 : 0]);
  const failed = recorded.map(({ name, error }): Row => [pathLabel(name), error === null ? 0 : 1]);
  const samples = losses.flatMap(({ path, samples }): Row[] => [
    [[...pathLabel(path), ['reason', 'jumped']], samples.jumped],
    [[...pathLabel(path), ['reason', 'late']], samples.late],
  ]);
  const of = (value: (loss: LossFacts) => number) => losses.map((loss): Row => [pathLabel(loss.path), value(loss)]);
  many(text, 'recording_active', 'gauge', '1: something is being recorded.', active);
  many(text, 'recording_failed', 'gauge', '1: it should be recorded and cannot be.', failed);
  many(
    text,
    'recording_parts_lost_total',
    'counter',
    'Parts that the disk was too slow for.',
    of(({ parts }) => parts),
  );
  many(text, 'recording_samples_lost_total', 'counter', 'Samples that were left out for their time.', samples);
  many(
    text,
    'recording_files_refused_total',
    'counter',
    'Files that the disk has refused.',
    of(({ refusedFiles }) => refusedFiles),
  );
}

/** A line for each state that there is, so that each has a history. */
const stateRows = (states: readonly string[], state: string, label: readonly [string, string]): Row[] =>
  states.map((name) => [[label, ['state', name]], name === state ? 1 : 0]);

const pathLabel = (name: string): Labels => [['path', name]];

function one(text: MetricsText, name: string, kind: MetricKind, help: string, value: number, labels = NONE): void {
  many(text, name, kind, help, [[labels, value]]);
}

/** Without lines there is nothing to describe. */
function many(text: MetricsText, suffix: string, kind: MetricKind, help: string, rows: readonly Row[]): void {
  const name = `perch_${suffix}`;
  if (text.isDescribed && rows.length > 0) {
    text.describe(name, kind, help);
  }
  for (const [labels, value] of rows) {
    text.sample(name, labelsText(labels), value);
  }
}

const seconds = (ms: number): number => Math.round(ms * 1_000) / 1e6;
