import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { FORWARD } from '../../../test/support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../../../test/support/harness/http/http-harness.ts';
import { sessionTables } from '../../../test/support/harness/http/session-tables.ts';
import { readExposition } from '../../../test/support/media/prometheus.ts';
import { MEDIAMTX_USERS } from '../../config/schema/common/general.ts';
import { disabledStatus, type PathStatus } from '../../paths/path-status.ts';
import type { SessionTable } from '../../protocols/contract.ts';
import type { ForwardItem } from '../api/streams/forwards.ts';
import { cors } from '../listener/cors.ts';
import type { DeviceFacts } from './device-metrics.ts';
import { METRICS_HEADERS, METRICS_METHODS, mountMetrics } from './metrics-routes.ts';

const LOOPBACK = { remoteAddress: '127.0.0.1', headers: { host: 'localhost' } };
/** As Prometheus asks. */
const PROMETHEUS = {
  ...LOOPBACK,
  headers: {
    host: 'localhost',
    accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3',
  },
};
const [ONE, OTHER] = ['0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11', '9b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11'];

const path = (name: string, more: Partial<PathStatus> = {}): PathStatus => ({
  ...disabledStatus({ name } as Parameters<typeof disabledStatus>[0]),
  ...more,
});
const DOOR = path('door', {
  ready: true,
  readers: ['rtspSession', 'webRTCSession', 'rtspSession'].map((type, i) => ({ type, id: String(i) })),
  ...{ inboundBytes: 6_000_000_000, outboundBytes: 5, inboundFramesInError: 2 },
  ...{ bytesReceived: 6_000_000_000, bytesSent: 5, bitrate: 1_500.5, sourceState: 'running' },
  sourceStatistics: { transport: 'TCP', packets: 9, lost: 1, late: 2, reordered: 3, badPackets: 4, jumps: 5 },
  ...{ clockOffsetMs: -250, recording: { active: true, error: null, why: null, since: null } },
});
const ATTIC = path('attic/"back\\', {
  ...{ sourceState: 'waiting', offlineSince: '2026-01-01T00:00:00.000Z' },
  recording: { active: false, error: 'no disk', why: 'disk', since: null },
});

const list = (items: readonly object[]): SessionTable => ({ list: () => items as never, kick: () => false });
const BOX: DeviceFacts = {
  version: 'v1.2.3',
  wallMs: () => Date.UTC(2026, 0, 1, 0, 1),
  uptimeMs: () => 120_000,
  loopDelay: () => ({ meanMs: 1.5, p99Ms: 12, maxMs: 250 }),
  diskStates: ['ok', 'full'],
  disks: () => [
    {
      ...{ folder: '/mnt/usb', totalBytes: 1_000, freeBytes: 10, state: 'full' },
      times: {
        writes: { count: 7, totalMs: 70, lastMs: 10, maxMs: 20 },
        flushes: { count: 2, totalMs: 3_000, lastMs: 500, maxMs: 2_500 },
      },
    },
    { folder: '/mnt/new', totalBytes: 0, freeBytes: 0, state: 'ok', times: undefined },
  ],
  losses: () => [{ path: 'door', parts: 3, samples: { late: 1, jumped: 2 }, refusedFiles: 4 }],
  hooks: () => [{ hook: 'runOnRead', running: 1, started: 5, failed: 2, leftOut: 3 }],
  features: () => [],
};

interface Given {
  readonly paths?: readonly PathStatus[];
  readonly forwards?: readonly (ForwardItem & { readonly path: string })[];
  /** By collection. */
  readonly tables?: Readonly<Record<string, SessionTable>>;
  readonly isAlone?: boolean;
  readonly password?: string;
}

async function open({ paths = [], forwards = [], tables, isAlone = true, password }: Given = {}) {
  const box = await openHttpHarness(
    password === undefined ? { rules: { isOwn: false, internalUsers: MEDIAMTX_USERS } } : { password },
  );
  const options = {
    access: box.access,
    cors: cors(() => ['*'], METRICS_METHODS, METRICS_HEADERS),
    paths: {
      list: () => paths,
      find: () => undefined,
      forwardsOf: (name: string) => forwards.filter((item) => item.path === name),
    },
    sessions: sessionTables(tables),
    box: BOX,
  };
  await mountMetrics(box.app, options, isAlone);
  return box;
}

async function read(given: Given, query = '', asker: object = LOOPBACK): Promise<string> {
  await using box = await open(given);
  const answer = await box.app.inject({ url: `/metrics${query}`, ...asker });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  return answer.body;
}

test("paths have MediaMTX's names, labels and order, and older names below", async () => {
  expect(await read({ paths: [DOOR, path('cellar')] }, '?type=paths')).toBe(`# Paths
paths{name="cellar",state="notReady"} 1
paths_readers{name="cellar",readerType="",state="notReady"} 0
paths_inbound_bytes{name="cellar",state="notReady"} 0
paths_outbound_bytes{name="cellar",state="notReady"} 0
paths_inbound_frames_in_error{name="cellar",state="notReady"} 0
paths{name="door",state="ready"} 1
paths_readers{name="door",readerType="rtspSession",state="ready"} 2
paths_readers{name="door",readerType="webRTCSession",state="ready"} 1
paths_inbound_bytes{name="door",state="ready"} 6000000000
paths_outbound_bytes{name="door",state="ready"} 5
paths_inbound_frames_in_error{name="door",state="ready"} 2

# Paths (deprecated)
paths_bytes_received{name="cellar",state="notReady"} 0
paths_bytes_sent{name="cellar",state="notReady"} 0
paths_bytes_received{name="door",state="ready"} 6000000000
paths_bytes_sent{name="door",state="ready"} 5

`);
});

test('a kind without items is printed once without labels, and one that is off is not printed', async () => {
  expect(await read({}, '?type=paths')).toBe(`# Paths
paths 0
paths_inbound_bytes 0
paths_outbound_bytes 0
paths_inbound_frames_in_error 0

# Paths (deprecated)
paths_bytes_received 0
paths_bytes_sent 0
paths_readers 0

`);
  expect(await read({ tables: { rtspconns: list([]) } }, '?type=rtsp_conns')).toBe(`# RTSP connections
rtsp_conns 0
rtsp_conns_inbound_bytes 0
rtsp_conns_outbound_bytes 0

# RTSP connections (deprecated)
rtsp_conns_bytes_received 0
rtsp_conns_bytes_sent 0

`);
  expect(await read({}, '?type=rtsp_conns')).toBe('');
  expect(await read({}, '?type=forward_dests')).toBe(
    '# Forward destinations\nforward_dests 0\nforward_dests_outbound_bytes 0\n\n',
  );
});

test('a destination that a path is forwarded to has its protocol and state; one is selected by its id', async () => {
  const forward = { ...FORWARD, path: 'door' };
  const given = { paths: [DOOR], forwards: [forward, { ...forward, id: OTHER, state: 'forwarding' as const }] };
  const labels = `{id="${OTHER}",path="door",protocol="rtsp",state="forwarding"}`;
  const one = `# Forward destinations\nforward_dests${labels} 1\nforward_dests_outbound_bytes${labels} 7\n\n`;
  expect(await read(given, `?forward_dest=${OTHER}`)).toBe(one);
  const failing = labels.replace(OTHER, FORWARD.id).replace('forwarding', 'error');
  expect(await read(given, '?type=forward_dests')).toBe(
    one.replace(
      'forward_dests{',
      `forward_dests${failing} 1\nforward_dests_outbound_bytes${failing} 7\nforward_dests{`,
    ),
  );
});

const session = (id: string | undefined, created: string, more: object = {}) => ({
  ...{ id, created, path: 'door', remoteAddr: '192.168.1.7:4000', state: 'read', outboundBytes: 8 },
  ...more,
});

test.for([
  ['hls_sessions', 'hlssessions', '# HLS sessions', 2],
  ['rtsp_sessions', 'rtspsessions', '# RTSP sessions', 23],
  ['rtsps_sessions', 'rtspssessions', '# RTSPS sessions', 23],
  ['webrtc_sessions', 'webrtcsessions', '# WebRTC sessions', 18],
  ['rtsps_conns', 'rtspsconns', '# RTSPS connections', 5],
] as const)('%s: the oldest first, and one of them by its id', async ([type, lookup, title, lines]) => {
  const items = [session(OTHER, '2026-01-02T00:00:00Z'), session(ONE, '2026-01-01T00:00:00Z')];
  const given = { tables: { [lookup]: list(items) } };
  const text = await read(given);
  expect(text).toContain(`${title}\n${type}{id="${ONE}"`);
  const one = readExposition(await read(given, `?${type.slice(0, -1)}=${OTHER}`), false);
  expect(new Set(one.series.map(({ labels }) => labels['id']))).toEqual(new Set([OTHER]));
  expect(one.series).toHaveLength(lines);
  expect(one.series.map(({ name }) => name).every((name) => name.startsWith(type))).toBe(true);
  expect(await read(given, `?type=paths&${type.slice(0, -1)}=${OTHER}`)).toBe('');
  expect(await read(given, '?webrtc_session=none&type=perch')).toContain('perch_info');
});

test('a muxer is selected by its path, and jitter keeps its decimals', async () => {
  const muxers = list([{ path: 'door', created: '2026-01-01T00:00:00Z', outboundBytes: 3, bytesSent: 3 }]);
  expect(await read({ tables: { hlsmuxers: muxers } }, '?hls_muxer=door')).toBe(`# HLS muxers
hls_muxers{name="door"} 1
hls_muxers_outbound_bytes{name="door"} 3
hls_muxers_outbound_frames_discarded{name="door"} 0

# HLS muxers (deprecated)
hls_muxers_bytes_sent{name="door"} 3

`);
  const jitter = (value: number) => list([session(ONE, '2026-01-01T00:00:00Z', { inboundRTPPacketsJitter: value })]);
  const textOf = (value: number) => read({ tables: { webrtcsessions: jitter(value) } }, '?type=webrtc_sessions');
  expect(await textOf(0.0125)).toMatch(/jitter\{.*\} 0\.0125\n/);
  expect(await textOf(2.5e-9)).toMatch(/jitter\{.*\} 0\.0000000025\n/);
});

test("Perch's own metrics cover the box, its cameras, disks and recordings", async () => {
  const { series } = readExposition(await read({ paths: [DOOR, ATTIC] }, '?type=perch'), false);
  const figure = (name: string, labels: object = {}) =>
    series.find((one) => one.name === `perch_${name}` && Object.entries(labels).every(([k, v]) => one.labels[k] === v))
      ?.value;
  expect(series.find(({ name }) => name === 'perch_info')?.labels).toEqual({
    node: process.versions.node,
    version: 'v1.2.3',
  });
  expect(figure('start_time_seconds')).toBe(Date.UTC(2025, 11, 31, 23, 59) / 1000);
  expect(figure('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(figure('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(figure('event_loop_delay_mean_seconds')).toBe(0.0015);
  expect(figure('event_loop_delay_max_seconds')).toBe(0.25);
  expect(figure('camera_state', { path: 'door', state: 'running' })).toBe(1);
  expect(figure('camera_state', { path: 'door', state: 'waiting' })).toBe(0);
  expect(figure('camera_offline_seconds', { path: 'door' })).toBe(0);
  expect(figure('camera_offline_seconds', { path: ATTIC.name })).toBe(60);
  expect(figure('camera_clock_offset_seconds', { path: 'door' })).toBe(-0.25);
  expect(figure('source_packets_lost_total', { path: 'door' })).toBe(1);
  expect(figure('path_bits_per_second', { path: 'door' })).toBe(1500.5);
  expect(figure('recording_active', { path: 'door' })).toBe(1);
  expect(figure('recording_failed', { path: ATTIC.name })).toBe(1);
  expect(figure('recording_parts_lost_total', { path: 'door' })).toBe(3);
  expect(figure('recording_samples_lost_total', { path: 'door', reason: 'late' })).toBe(1);
  expect(figure('recording_files_refused_total', { path: 'door' })).toBe(4);
  expect(figure('disk_free_bytes', { folder: '/mnt/usb' })).toBe(10);
  expect(figure('disk_state', { folder: '/mnt/usb', state: 'full' })).toBe(1);
  expect(figure('disk_state', { folder: '/mnt/new', state: 'full' })).toBe(0);
  expect(figure('disk_flush_last_seconds', { folder: '/mnt/usb' })).toBe(0.5);
  expect(figure('disk_flush_max_seconds', { folder: '/mnt/usb' })).toBe(2.5);
  expect(figure('disk_writes_total', { folder: '/mnt/usb' })).toBe(7);
  expect(figure('disk_writes_total', { folder: '/mnt/new' })).toBeUndefined();
  expect(figure('hook_failures_total', { hook: 'runOnRead' })).toBe(2);
});

test('a camera is offline no longer than the uptime, with any clock at the start', async () => {
  const away = path('yard', { sourceState: 'waiting', offlineSince: '1970-01-01T00:00:07.000Z' });
  expect(await read({ paths: [away] }, '?type=perch')).toContain('perch_camera_offline_seconds{path="yard"} 120\n');
});

test('docs/reference/metrics.md has every name', async () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/reference/metrics.md'), 'utf8');
  const lists = Object.fromEntries(sessionTables().kinds.map(({ collection }) => [collection, list([])]));
  const text = await read({ paths: [DOOR, ATTIC], tables: lists }, '?help');
  const isThere = (name: string) => {
    const ends = [...name.matchAll(/_/g)].map(({ index }) => name.slice(index));
    const isShort = ends.some((end) => guide.includes(`\`…${end}\``) || guide.includes(`\`${end.slice(1)}\``));
    return guide.includes(`\`${name}\``) || isShort;
  };
  const { helps } = readExposition(text, true);
  const names = [...helps].filter(([, help]) => !help.startsWith('Older name')).map(([name]) => name);
  expect(names.filter((name) => !name.startsWith('rtsps_') && !isThere(name))).toEqual([]);
  expect(names.length).toBeGreaterThan(80);
});

test('with a path only that path is printed', async () => {
  const { series } = readExposition(await read({ paths: [DOOR, ATTIC] }, '?type=perch&path=door'), false);
  expect(new Set(series.map(({ labels }) => labels['path']))).toEqual(new Set(['door']));
});

test('an idle camera on demand is not offline', async () => {
  const resting = path('yard', {
    sourceState: 'stopped',
    sourceOnDemand: true,
    offlineSince: '2026-01-01T00:00:00.000Z',
  });
  expect(await read({ paths: [resting] }, '?type=perch')).not.toContain('camera_offline_seconds');
});

test("a client that names the format gets each metric described and contiguous; MediaMTX's lines are the same", async () => {
  const items = [session(OTHER, '2026-01-02T00:00:00Z'), session(ONE, '2026-01-01T00:00:00Z')];
  const tables = {
    webrtcsessions: list(items),
    rtspsessions: list(items),
    hlssessions: list([]),
    rtspconns: list(items),
  };
  const given = { paths: [DOOR, ATTIC], tables };
  const described = readExposition(await read(given, '', PROMETHEUS), true);
  const asked = readExposition(await read(given, '?help'), true);
  const plain = readExposition(await read(given), false);
  expect(plain.types.size).toBe(0);
  const mediaOf = ({ series }: typeof plain) =>
    series
      .filter(({ name }) => !name.startsWith('perch_'))
      .map((one) => JSON.stringify(one))
      .sort();
  expect(mediaOf(described)).toEqual(mediaOf(plain));
  expect(mediaOf(asked)).toEqual(mediaOf(plain));
  expect(described.types.get('paths_inbound_bytes')).toBe('counter');
  expect(described.types.get('rtsp_sessions_inbound_rtp_packets_jitter')).toBe('gauge');
  expect([...described.types.keys()]).toEqual([...described.helps.keys()]);
});

test('names and addresses of every kind are read back', async () => {
  const next = random(7);
  const letters = ['"', '\\', '\n', '{', '}', ',', '=', ' ', '#', 'é', '日', 'a', '_', '\t', '\r'];
  const word = () =>
    Array.from({ length: 1 + Math.floor(next() * 12) }, () => letters[Math.floor(next() * letters.length)]).join('');
  for (let round = 0; round < 50; round += 1) {
    const names = [...new Set([word(), word(), word()])];
    const text = await read({ paths: names.map((name) => path(name, { sourceState: 'running' })) }, '?help');
    const { series } = readExposition(text, true);
    expect(new Set(series.filter(({ name }) => name === 'paths').map(({ labels }) => labels['name']))).toEqual(
      new Set(names),
    );
  }
});

test.for([true, false])(
  'it needs the permission, preflights and the rest of the main port do not (alone: %s)',
  async (isAlone) => {
    await using box = await open({ password: 'blue heron', isAlone });
    const status = async (url: string, more: object = {}) =>
      (await box.app.inject({ url, ...LOOPBACK, ...more })).statusCode;
    expect(await status('/metrics')).toBe(401);
    expect(await status('/elsewhere')).toBe(isAlone ? 401 : 404);
    const authorization = `Basic ${Buffer.from('owner:blue heron').toString('base64')}`;
    expect(await status('/metrics', { headers: { ...LOOPBACK.headers, authorization } })).toBe(200);
    const preflight = await box.app.inject({
      method: 'OPTIONS',
      url: '/metrics',
      ...LOOPBACK,
      headers: { ...LOOPBACK.headers, origin: 'https://dash.example', 'access-control-request-method': 'GET' },
    });
    expect([preflight.statusCode, preflight.headers['access-control-allow-methods']]).toEqual([204, 'OPTIONS, GET']);
    expect(preflight.headers['access-control-allow-headers']).toBe('Authorization');
  },
);
