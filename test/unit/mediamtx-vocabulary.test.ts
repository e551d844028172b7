import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SERVERS } from '../../agent/app/protocols.ts';
import { MEDIAMTX_USERS } from '../../agent/config/schema/common/general.ts';
import { cors } from '../../agent/http/listener/cors.ts';
import { METRICS_HEADERS, METRICS_METHODS, mountMetrics } from '../../agent/http/metrics/metrics-routes.ts';
import { LOOPBACK, openApi } from '../support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../support/harness/http/http-harness.ts';
import { sessionTables } from '../support/harness/http/session-tables.ts';
import { KEYS, linesOf } from '../support/harness/loaded-config.ts';

/** From MediaMTX's documentation of August 2026: keys, operations of the API, names of metrics. */
const MEDIAMTX = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/mediamtx-vocabulary.json'), 'utf8'),
) as Record<
  'globalKeys' | 'pathKeys' | 'formerGlobalKeys' | 'formerPathKeys' | 'operations' | 'metrics',
  readonly string[]
>;
const { global, path } = KEYS;

/** Keys that have no effect here; each is reported with a reason and a way out. */
const WITHOUT_EFFECT = /^(?:moq|rpiCamera)/;

test.for([
  ['the top level', MEDIAMTX.globalKeys, global, 121],
  ['paths', MEDIAMTX.pathKeys, path, 91],
] as const)('each key of %s works, or belongs to what is rejected by name', ([, keys, ours, count]) => {
  expect(keys).toHaveLength(count);
  expect(keys.filter((key) => !ours.names.has(key) && !WITHOUT_EFFECT.test(key))).toEqual([]);
  expect(keys.filter((key) => WITHOUT_EFFECT.test(key) && !ours.inertNames.includes(key))).toEqual([]);
  const current = ours.inertNames.filter((key) => keys.includes(key));
  expect(current.filter((key) => !WITHOUT_EFFECT.test(key))).toEqual([]);
});

test('each former key is still read', () => {
  const all = [
    ...MEDIAMTX.formerGlobalKeys.map((key) => `${key}: x`),
    ...MEDIAMTX.formerPathKeys.map((key) => `paths: {a: {${key}: x}}`),
  ];
  expect(all).toHaveLength(53);
  const problems = (line: string) => (['warn', 'error'] as const).flatMap((severity) => linesOf(line, severity));
  expect(all.filter((line) => problems(line).some((problem) => problem.includes('unknown key')))).toEqual([]);
});

test('a key without effect is reported with the reason', () => {
  const text = 'perch: own\nmoq: yes\npaths: {a: {source: rpiCamera}}\n';
  const lines = [...linesOf(text, 'warn'), ...linesOf(text, 'error')].join('\n');
  expect(lines).toMatch(/moq: .* is not supported: .*; use /);
  expect(lines).toMatch(/source: .*rpiCamera.* is not supported: /);
});

test('each operation of the API exists, but those of Media over QUIC', async () => {
  await using box = await openApi();
  const answer = await box.app.inject({ url: '/v3/openapi.json', ...LOOPBACK });
  const { paths } = answer.json<{ paths: Record<string, Record<string, unknown>> }>();
  const ours = new Set(
    Object.entries(paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`),
    ),
  );
  expect(MEDIAMTX.operations).toHaveLength(49);
  expect(MEDIAMTX.operations.filter((operation) => !ours.has(operation))).toEqual([
    'GET /v3/moqsessions/list',
    'GET /v3/moqsessions/get/{id}',
    'POST /v3/moqsessions/kick/{id}',
  ]);
});

test('each metric is printed, but those of Media over QUIC', async () => {
  await using box = await openHttpHarness({ rules: { isOwn: false, internalUsers: MEDIAMTX_USERS } });
  const empty = { list: () => [], kick: () => false };
  const tables = SERVERS.flatMap(({ kinds }) => kinds.map(({ collection }) => [collection, empty] as const));
  const options = {
    access: box.access,
    cors: cors(() => ['*'], METRICS_METHODS, METRICS_HEADERS),
    paths: { list: () => [], find: () => undefined, forwardsOf: () => [] },
    sessions: sessionTables(Object.fromEntries(tables)),
    box: {
      ...{ version: 'v1.2.3', wallMs: () => 0, uptimeMs: () => 0, diskStates: [], disks: () => [] },
      ...{ loopDelay: () => ({ meanMs: 0, p99Ms: 0, maxMs: 0 }), losses: () => [], hooks: () => [] },
      features: () => [],
    },
  };
  await mountMetrics(box.app, options, true);
  const { body } = await box.app.inject({ url: '/metrics', ...LOOPBACK });
  const printed = new Set(body.split('\n').map((line) => line.split(/[ {]/)[0]));
  expect(MEDIAMTX.metrics.filter((name) => !printed.has(name))).toEqual([
    'moq_sessions',
    'moq_sessions_inbound_bytes',
    'moq_sessions_outbound_bytes',
  ]);
  expect([...printed].filter((name) => name?.startsWith('srt_conns_')).length).toBeGreaterThan(50);
});
