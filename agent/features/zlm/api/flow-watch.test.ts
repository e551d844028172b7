import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { sessionTables } from '../../../../test/support/harness/http/session-tables.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import { silentLogger } from '../../../base/log.ts';
import type { SessionItem } from '../../../protocols/contract.ts';
import { FlowWatch } from './flow-watch.ts';
import { HOOKS, type HookName, Hooks } from './hooks.ts';
import { ZlmSessions } from './viewers.ts';

const MEGABYTE = 1 << 20;
const CREATED = '2026-01-01T00:00:00.000Z';

function box(isOn = true) {
  const clock = new FakeClock();
  const notified: Record<string, unknown>[] = [];
  const now = { rtsp: [] as SessionItem[], hls: [] as SessionItem[] };
  const urls = Object.fromEntries(HOOKS.map((name) => [name, ''])) as Record<HookName, string>;
  const hooks = new Hooks({
    settings: () => ({
      urls: { ...urls, on_flow_report: isOn ? 'flow' : '' },
      ...{ mediaServerId: 'box', timeoutMs: 1_000, retries: 0, retryDelayMs: 0 },
    }),
    post: async (_url, text) => {
      notified.push(JSON.parse(text));
      return { status: 200, text: '{"code":0}' };
    },
    ...{ clock, log: silentLogger, signal: new AbortController().signal },
  });
  const table = (list: () => SessionItem[]) => ({ list, kick: () => false });
  const tables = sessionTables({ rtspsessions: table(() => now.rtsp), hlssessions: table(() => now.hls) });
  const config = configOf('  all_others:');
  const sessions = new ZlmSessions(tables, () => config);
  new FlowWatch({ clock, hooks, sessions });
  return { clock, notified, now };
}

const publisher = (inboundBytes: number): SessionItem => ({
  ...{ id: 'one', path: 'yard/gate', state: 'publish', query: 'token=a', created: CREATED },
  ...{ remoteAddr: '192.0.2.1:4000', inboundBytes, outboundBytes: 7 },
});

test('the traffic of an ended session is reported, as of the last check', async () => {
  const { clock, notified, now } = box();
  now.rtsp = [publisher(MEGABYTE)];
  now.hls = [{ id: 'two', path: 'cam', remoteAddr: '[2001:db8::1]:5', created: CREATED, outboundBytes: 2 * MEGABYTE }];
  await clock.advance(1_000);
  now.rtsp = [publisher(3 * MEGABYTE)];
  await clock.advance(1_000);
  expect(notified).toEqual([]);
  [now.rtsp, now.hls] = [[], []];
  await clock.advance(10_000);
  expect(notified).toEqual([
    {
      ...{ mediaServerId: 'box', hook_index: 1, schema: 'rtsp', protocol: 'rtsp', vhost: '__defaultVhost__' },
      ...{ app: 'yard', stream: 'gate', params: 'token=a', ip: '192.0.2.1', port: 4_000, id: 'one' },
      ...{ totalBytes: 3 * MEGABYTE, duration: expect.any(Number), player: false },
    },
    expect.objectContaining({ schema: 'hls', app: 'live', stream: 'cam', totalBytes: 2 * MEGABYTE, player: true }),
  ]);
});

test('less than a megabyte, a session without a path and a hook that is off are not reported', async () => {
  const { clock, notified, now } = box();
  now.rtsp = [publisher(MEGABYTE - 1), { ...publisher(MEGABYTE), id: 'three', path: '', state: 'idle' }];
  await clock.advance(1_000);
  now.rtsp = [];
  await clock.advance(1_000);
  expect(notified).toEqual([]);
  const off = box(false);
  off.now.rtsp = [publisher(MEGABYTE)];
  await off.clock.advance(1_000);
  off.now.rtsp = [];
  await off.clock.advance(1_000);
  expect(off.notified).toEqual([]);
});
