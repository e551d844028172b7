import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openTestPlayback, servePlayback } from '../../../../test/features/boxes/support/joined-server.ts';
import { plainBoxes, scriptedBox } from '../../../../test/features/boxes/support/plain-box.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { record, temporaryFolder, WALL } from '../../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../../test/support/harness/loaded-config.ts';
import { TEMPLATE } from '../../../../test/support/harness/playback.ts';
import { testInZone } from '../../../../test/support/harness/time-zone.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { parseConfig } from '../../../config/load/load.ts';
import type { ProtectedRange } from '../../../record/retention/protected-ranges.ts';
import { BoxRequests } from '../requests/box-requests.ts';
import { ClipCopies } from './clip-copies.ts';
import { RemoteRecordings } from './remote-recordings.ts';

testInZone('UTC');

const rangeOf = (id: string, from: number, to: number): ProtectedRange => ({
  ...{ id, path: 'yard', note: '' },
  startUs: (WALL + from * 1000) * 1000,
  endUs: (WALL + to * 1000) * 1000,
});

/** A box with 40 s of `cam`, which is `yard` on a server. */
async function start(minFree = '0') {
  const box = openTestPlayback();
  await record(box.folder, 40, { sound: true });
  const url = await servePlayback(box.playback);
  const own = openTestPlayback();
  const data = temporaryFolder();
  const clock = new FakeClock();
  const state = { port: Number(new URL(url).port) as number | undefined, refusal: undefined as string | undefined };
  const text = `recordMinFree: ${minFree}\npaths:\n  yard:\n    source: perch://00000000000000b1/cam\n    recordPath: ${join(own.folder, TEMPLATE)}\n`;
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
  const ranges: ProtectedRange[] = [];
  const requests = new BoxRequests(
    plainBoxes(() => state.port),
    systemClock,
  );
  const open = () =>
    new ClipCopies({
      box: new RemoteRecordings({
        ...{ requests, clock: systemClock, titleOf: () => undefined },
        remoteOf: () => ({ box: 'house', path: 'cam' }),
      }),
      ...{ playback: own.playback, dataDir: data.path, clock, log: silentLogger, ranges: () => ranges },
      config: () => config ?? expect.fail('no configuration'),
      refusal: () => state.refusal,
    });
  let copies = open();
  onTestFinished(async () => {
    await copies.close();
    data[Symbol.dispose]();
  });
  return {
    ...{ clock, own, state, ranges },
    add: (range: ProtectedRange) => {
      ranges.push(range);
      copies.add(range.id);
    },
    remove: (id: string) => copies.remove(id),
    stateOf: (id: string) => copies.stateOf(id),
    done: (id: string) => vi.waitFor(() => expect(copies.stateOf(id)).toBeUndefined(), { timeout: 10_000 }),
    failed: (id: string) =>
      vi.waitFor(() => expect(copies.stateOf(id)?.error).toEqual(expect.any(String)), { timeout: 10_000 }),
    restart: async () => {
      await copies.close();
      copies = open();
      await copies.load();
    },
    files: () => {
      const names = readdirSync(own.folder, { recursive: true, encoding: 'utf8' });
      return names.filter((name) => /\.(?:mp4|part)$/.test(name));
    },
    seconds: async (range: ProtectedRange) => (await own.playback.measure(range)).recordedUs / 1e6,
  };
}

test('a saved clip becomes a recording of the path here, from its key frame on, with the same pictures', async () => {
  const { add, done, own, seconds, files } = await start();
  const range = rangeOf('one', 10.5, 20);
  add(range);
  await done('one');
  expect(await seconds(range)).toBeCloseTo(9.5, 1);
  expect(files()).toEqual([expect.stringContaining('yard/2026-07-01_12-00-10-000000.mp4')]);
  const query = { path: 'yard', startUs: range.startUs, durationUs: 9_500_000, format: 'fmp4' } as const;
  expect((await own.playback.get(query)).end).toBeUndefined();
  const frame = await own.playback.frame('yard', (WALL + 15_300) * 1000);
  expect(new Date(frame.timeUs / 1000).toISOString()).toBe('2026-07-01T12:00:15.000Z');
});

test('only what is missing here is copied', async () => {
  const { add, done, own, seconds, files } = await start();
  await record(own.folder, 10, { path: 'yard', wall: WALL + 10_000, sound: true });
  const range = rangeOf('one', 5, 30);
  add(range);
  await done('one');
  expect(await seconds(range)).toBeCloseTo(25, 0);
  expect(files()).toHaveLength(3);
  add(rangeOf('two', 12, 18));
  await done('two');
  expect(files()).toHaveLength(3);
});

test('a box that is away is tried again, also by the next run of the program', async () => {
  const { add, failed, state, clock, restart, stateOf, seconds } = await start();
  const { port } = state;
  state.port = undefined;
  const range = rangeOf('one', 0, 10);
  add(range);
  await failed('one');
  expect(stateOf('one')).toMatchObject({ share: 0, error: expect.stringContaining('is away') });
  await restart();
  await failed('one');
  state.port = port;
  await vi.waitFor(
    async () => {
      await clock.advance(30_000);
      expect(stateOf('one')).toBeUndefined();
    },
    { timeout: 15_000, interval: 200 },
  );
  expect(await seconds(range)).toBeCloseTo(10, 0);
});

test('a clip that is removed is not copied, and one without recordings is complete', async () => {
  const { add, remove, done, state, failed, files, restart, stateOf } = await start();
  state.refusal = 'the disk is another one';
  add(rangeOf('one', 0, 10));
  await failed('one');
  expect(stateOf('one')?.error).toBe('the disk is another one');
  remove('one');
  await restart();
  expect(stateOf('one')).toBeUndefined();
  state.refusal = undefined;
  add(rangeOf('two', 100, 110));
  await done('two');
  expect(files()).toEqual([]);
});

test('recordMinFree holds, and nothing is left of a copy that failed', async () => {
  const { add, failed, files, stateOf } = await start('1000T');
  add(rangeOf('one', 0, 10));
  await failed('one');
  expect(stateOf('one')?.error).toContain('recordMinFree');
  expect(files()).toEqual([]);
});

test.for([
  ['more bytes than announced', { 'Content-Length': '100' }, 90],
  ['no size', {}, 90],
  ['no MP4 file', { 'Content-Length': '90' }, 90],
] as const)('a box that sends %s leaves nothing here', async ([, headers, bytes]) => {
  const { add, failed, state, files } = await start();
  await using box = await scriptedBox((request, response) => {
    if (request.url?.startsWith('/playback/list')) {
      response.end(JSON.stringify([{ start: '2026-07-01T12:00:00Z', duration: 40 }]));
    } else if (request.method === 'HEAD') {
      response.setHeader('Perch-Time', '2026-07-01T12:00:00Z').end();
    } else {
      response.writeHead(200, headers);
      response.write('x'.repeat(bytes));
      setImmediate(() => response.destroy());
    }
  });
  state.port = box.port;
  add(rangeOf('one', 0, 10));
  await failed('one');
  expect(files()).toEqual([]);
});
