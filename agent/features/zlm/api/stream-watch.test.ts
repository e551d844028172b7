import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { createLogger, silentLogger } from '../../../base/log.ts';
import { HOOKS, type HookName, Hooks } from './hooks.ts';
import type { ShownPath } from './media-items.ts';
import { StreamWatch } from './stream-watch.ts';

const CAM: ShownPath = {
  ...{ name: 'yard/gate', ready: true, readyTime: '2026-01-01T00:00:00.000Z', source: null, readers: [] },
  ...{ inboundBytes: 0, bitrate: 0, tracks2: [], recording: null, lastError: null },
};
const VIEWER = [{ type: 'webRTCSession', id: 'one' }];

function box({ close = true, answerMs = 0, fault = undefined as Error | undefined } = {}) {
  const clock = new FakeClock();
  const notified: string[] = [];
  const ended: string[] = [];
  const lines: string[] = [];
  const now = { paths: [] as ShownPath[] };
  const urls = Object.fromEntries(HOOKS.map((name) => [name, ''])) as Record<HookName, string>;
  const hooks = new Hooks({
    settings: () => ({
      urls: { ...urls, on_stream_changed: 'changed', on_stream_none_reader: 'unread' },
      ...{ mediaServerId: '', timeoutMs: 1_000, retries: 0, retryDelayMs: 0 },
    }),
    post: async (url, text) => {
      const { regist, schema, app, stream } = JSON.parse(text);
      notified.push(`${url} ${regist ?? ''} ${schema} ${app}/${stream}`);
      await (url === 'unread' && clock.sleep(answerMs, new AbortController().signal));
      return { status: 200, text: JSON.stringify({ code: 0, close }) };
    },
    ...{ clock, log: silentLogger, signal: new AbortController().signal },
  });
  new StreamWatch({
    ...{ clock, hooks, paths: { list: () => now.paths } },
    items: () => [{ schema: 'rtsp', app: 'yard', stream: 'gate' } as { schema: string }, { schema: 'hls.fmp4' }],
    end: async ({ name }) => {
      ended.push(name);
      return fault ? Promise.reject(fault) : true;
    },
    log: createLogger('warn', (line) => lines.push(line)),
    noneReaderDelayMs: () => 20_000,
  });
  return { clock, notified, ended, now, lines };
}

test('the start and end of a stream are reported for each schema', async () => {
  const { clock, notified, now } = box();
  now.paths = [CAM];
  await clock.advance(1_000);
  expect(notified).toHaveLength(2);
  expect(notified[0]).toBe('changed true rtsp yard/gate');
  now.paths = [{ ...CAM, ready: false, readyTime: null }];
  await clock.advance(1_000);
  expect(notified.slice(2)).toEqual(['changed false rtsp yard/gate', 'changed false hls.fmp4 yard/gate']);
});

test('a stream that restarted between two checks is reported as ended and started', async () => {
  const { clock, notified, now } = box();
  now.paths = [CAM];
  await clock.advance(1_000);
  now.paths = [{ ...CAM, readyTime: '2026-01-01T00:00:01.000Z' }];
  await clock.advance(1_000);
  expect(notified.map((line) => line.split(' ')[1])).toEqual(['true', 'true', 'false', 'false', 'true', 'true']);
});

test('after the delay without viewers the hook is called once, and may close the stream', async () => {
  const { clock, notified, ended, now } = box();
  now.paths = [{ ...CAM, readers: VIEWER }];
  await clock.advance(1_000);
  now.paths = [CAM];
  await clock.advance(20_000);
  expect(ended).toEqual([]);
  await clock.advance(1_000);
  expect(notified.filter((line) => line.startsWith('unread'))).toEqual(['unread  rtsp yard/gate']);
  expect(ended).toEqual(['yard/gate']);
  await clock.advance(60_000);
  expect(ended).toHaveLength(1);
});

test('a new stream without viewers is reported once, too', async () => {
  const { clock, notified, ended, now } = box({ close: false });
  now.paths = [CAM];
  await clock.advance(20_000);
  expect(notified.filter((line) => line.startsWith('unread'))).toEqual([]);
  await clock.advance(60_000);
  expect(notified.filter((line) => line.startsWith('unread'))).toEqual(['unread  rtsp yard/gate']);
  expect(ended).toEqual([]);
});

test('streams without viewers are checked a few at a time, which leaves room for players', async () => {
  const { clock, notified, ended, now } = box({ answerMs: 5_000 });
  now.paths = Array.from({ length: 100 }, (_, i) => ({ ...CAM, name: `yard/${i}` }));
  await clock.advance(21_000);
  expect(notified.filter((line) => line.startsWith('unread'))).toHaveLength(16);
  await clock.advance(60_000);
  expect(new Set(ended)).toEqual(new Set(now.paths.map(({ name }) => name)));
});

test('a viewer that returns in time keeps the stream', async () => {
  const { clock, notified, now } = box();
  now.paths = [{ ...CAM, readers: VIEWER }];
  await clock.advance(1_000);
  now.paths = [CAM];
  await clock.advance(10_000);
  now.paths = [{ ...CAM, readers: VIEWER }];
  await clock.advance(60_000);
  expect(notified.filter((line) => line.startsWith('unread'))).toEqual([]);
});

test('a hook that does not say close leaves the stream', async () => {
  const { clock, ended, now } = box({ close: false });
  now.paths = [{ ...CAM, readers: VIEWER }];
  await clock.advance(1_000);
  now.paths = [CAM];
  await clock.advance(30_000);
  expect(ended).toEqual([]);
});

test.for([new PerchError('unavailable', 'perch.yml cannot be written'), new TypeError('perch.yml cannot be written')])(
  'a stream that cannot be closed is logged, and continues: %s',
  async (fault) => {
    const { clock, ended, now, lines } = box({ fault });
    now.paths = [CAM];
    await clock.advance(21_000);
    expect(ended).toEqual(['yard/gate']);
    await expect.poll(() => lines.join('')).toContain('perch.yml cannot be written');
  },
);
