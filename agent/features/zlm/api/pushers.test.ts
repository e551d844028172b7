import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { Parameters } from '../../../servers/webrtc/signalling/zlm/parameters.ts';
import type { ShownPath } from './media-items.ts';
import { type ShownForward, StreamPushers } from './pushers.ts';

const CAM = { name: 'cam', ready: true } as ShownPath;
const SOURCE = { schema: 'rtmp', vhost: '__defaultVhost__', app: 'live', stream: 'cam' };
const LIVE = { ...SOURCE, dst_url: 'rtmp://live.example/app/key-of-the-stream' };
const IDLE: Omit<ShownForward, 'conf'> = { state: 'idle', lastError: null, outboundBytes: 0, reconnects: 0 };

/** @param state that a new destination takes at once */
function box(state: Partial<ShownForward>, first: readonly string[] = []) {
  const clock = new FakeClock();
  let dests = first;
  const edits: string[] = [];
  const pushers = new StreamPushers({
    clock,
    secret: () => 'secret',
    edits: {
      patchPath: async (name, settings) => {
        // The last list counts, as in the file.
        const { forward } = settings as { forward: readonly { readonly dest: string }[] };
        await Promise.resolve();
        dests = forward.map(({ dest }) => dest);
        edits.push(`${name} ${dests.join(' ')}`);
      },
    },
    destinations: () => new Map([['cam', dests.map((dest) => ({ dest, destFingerprint: '', whipBearerToken: '' }))]]),
    forwardsOf: () =>
      dests.map((dest) => ({ ...IDLE, ...state, conf: { dest: dest.replace(/(?<=\/app\/).*/, '***') } })),
    find: (path) => (path === 'cam' ? CAM : undefined),
    pathOf: (app, stream) => (app === 'live' ? stream : `${app}/${stream}`),
  });
  return { clock, edits, pushers };
}

const parametersOf = (fields: Readonly<Record<string, string>>) =>
  new Parameters({ url: `/?${new URLSearchParams(fields)}`, body: '', headers: {} } as unknown as FastifyRequest);

test('a pusher is a destination of the path, answered when the stream is sent', async () => {
  const { pushers, edits } = box({ state: 'forwarding', outboundBytes: 7, reconnects: 2 }, ['srt://a.example:1']);
  const { data } = (await pushers.add(parametersOf(LIVE))) as { data: { key: string } };
  expect(data.key).toMatch(/^rtmp\/__defaultVhost__\/live\/cam\/[\da-f]{32}$/);
  expect(edits).toEqual([`cam srt://a.example:1 ${LIVE.dst_url}`]);
  const shown = {
    ...{ key: data.key, url: 'rtmp://live.example/app/***', status: 0, status_str: 'pushing' },
    ...{ rePublishCount: 2, totalBytes: 7, src: { vhost: '__defaultVhost__', app: 'live', stream: 'cam', params: '' } },
  };
  expect(pushers.list(parametersOf(data))).toEqual({ data: [shown] });
  expect(pushers.info(parametersOf(data))).toEqual({ data: shown });
  expect((pushers.list(parametersOf({})) as { data: unknown[] }).data).toHaveLength(2);
  expect(JSON.stringify(pushers.list(parametersOf({})))).not.toContain('key-of-the-stream');
});

test('a pusher that exists is answered with its key', async () => {
  const { pushers, edits } = box({ state: 'error' }, [LIVE.dst_url]);
  expect(await pushers.add(parametersOf(LIVE))).toMatchObject({ data: {} });
  expect(edits).toEqual([]);
});

test('a destination that rejects the stream is removed again with the reason', async () => {
  const { pushers, edits } = box({ state: 'error', lastError: 'connection refused' });
  await expect(pushers.add(parametersOf(LIVE))).rejects.toThrow('connection refused');
  expect(edits).toEqual([`cam ${LIVE.dst_url}`, 'cam ']);
});

test('a destination that does not answer in time is removed again', async () => {
  const { pushers, edits, clock } = box({});
  const failed = expect(pushers.add(parametersOf({ ...LIVE, timeout_sec: '1' }))).rejects.toThrow(
    'no connection within 1 s',
  );
  for (let tick = 0; tick <= 10; tick += 1) {
    await clock.advance(100);
  }
  await failed;
  expect(edits.at(-1)).toBe('cam ');
});

test('two pushers added at once are both kept', async () => {
  const { pushers, edits } = box({ state: 'forwarding' });
  const other = { ...LIVE, dst_url: 'rtmp://live.example/app/other' };
  await Promise.all([pushers.add(parametersOf(LIVE)), pushers.add(parametersOf(other))]);
  expect(edits.at(-1)).toBe(`cam ${LIVE.dst_url} ${other.dst_url}`);
});

test('a pusher is removed by its key, once', async () => {
  const { pushers, edits } = box({ state: 'forwarding' });
  const { data } = (await pushers.add(parametersOf(LIVE))) as { data: { key: string } };
  expect(await pushers.remove(parametersOf(data))).toEqual({ data: { flag: true } });
  expect(await pushers.remove(parametersOf(data))).toEqual({ data: { flag: false } });
  expect(edits.at(-1)).toBe('cam ');
  expect(() => pushers.info(parametersOf(data))).toThrow('can not find pusher');
});

test('only a stream that exists is pushed, to 50 destinations at most', async () => {
  const { pushers, edits } = box(
    { state: 'forwarding' },
    Array.from({ length: 50 }, (_, i) => `srt://a.example:${i + 1}`),
  );
  await expect(pushers.add(parametersOf({ ...LIVE, stream: 'none' }))).rejects.toThrow(
    'can not find the source stream',
  );
  await expect(pushers.add(parametersOf(LIVE))).rejects.toThrow('the stream has 50 destinations');
  expect(edits).toEqual([]);
});
