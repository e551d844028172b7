import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { silentLogger } from '../../base/log.ts';
import { ViewLog } from './view-log.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const HOME = '192.168.1.9';

let folder = '';
let clock = new FakeClock();
let keptMs = 30 * DAY_MS;
const file = () => join(folder, 'views.jsonl');
const open = () =>
  new ViewLog({
    dataDir: folder,
    clock,
    log: silentLogger,
    roleOf: (user) => (user === 'owner' ? 'owner' : 'viewer'),
    keptMs: () => keptMs,
  });
const linesOf = async () => (await readFile(file(), 'utf8')).split('\n').filter(Boolean);
/** Also waits for the disk. */
const pass = async (views: ViewLog, ms: number) => {
  await clock.advance(ms);
  await views.list();
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-views-'));
  clock = new FakeClock();
  keptMs = 30 * DAY_MS;
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('a view has a person, a camera, a begin, an end and an address, and survives a restart', async () => {
  const views = open();
  const end = views.begin('door', 'ann', `${HOME}:40000`);
  const fromMs = clock.wallMs();
  const view = { user: 'ann', role: 'viewer', camera: 'door', mode: 'live', address: HOME, fromMs };
  expect(await views.list()).toEqual([{ ...view, toMs: null, isRunning: true }]);
  await pass(views, 5 * MINUTE_MS);
  end();
  const ended = { ...view, toMs: fromMs + 5 * MINUTE_MS, isRunning: false };
  expect(await views.list()).toEqual([ended]);
  await pass(views, 3 * MINUTE_MS);
  await views.close();
  expect(await open().list()).toEqual([ended]);
  expect((await stat(file())).mode & 0o777).toBe(0o600);
});

test('the newest view is first, and one person can be listed alone', async () => {
  const views = open();
  views.begin('door', 'ann', `${HOME}:1`)();
  await pass(views, MINUTE_MS);
  views.begin('yard', 'owner', '[2001:db8::9]:1')();
  expect((await views.list()).map(({ camera }) => camera)).toEqual(['yard', 'door']);
  expect(await views.list('owner')).toMatchObject([{ user: 'owner', role: 'owner', address: '2001:db8::9' }]);
  await views.close();
});

test('a player that reconnects, and the sub stream of the camera, are one view', async () => {
  const views = open();
  const fromMs = clock.wallMs();
  const first = views.begin('door', 'ann', `${HOME}:1`);
  const second = views.begin('door_sub', 'ann', `${HOME}:2`);
  first();
  first();
  await pass(views, MINUTE_MS);
  second();
  await pass(views, MINUTE_MS);
  views.begin('door', 'ann', `${HOME}:3`)();
  expect(await views.list()).toMatchObject([{ camera: 'door', fromMs, toMs: fromMs + 2 * MINUTE_MS }]);
  await pass(views, 5 * MINUTE_MS);
  views.begin('door', 'ann', `${HOME}:4`)();
  expect(await views.list()).toHaveLength(2);
  await views.close();
});

test('the parts of a recording are one view, apart from the live one', async () => {
  const views = open();
  const fromMs = clock.wallMs();
  views.begin('door', 'ann', `${HOME}:1`)();
  for (let i = 0; i < 5; i += 1) {
    views.touch('door', 'ann', HOME);
    await pass(views, MINUTE_MS);
  }
  const recording = { mode: 'recording', fromMs, toMs: fromMs + 4 * MINUTE_MS };
  expect(await views.list()).toContainEqual(expect.objectContaining(recording));
  expect(await views.list()).toHaveLength(2);
  await views.close();
});

test('the disk is written at most once a minute, for any number of views', async () => {
  const views = open();
  for (let i = 0; i < 100; i += 1) {
    views.begin(`camera${i}`, 'ann', `${HOME}:1`)();
  }
  await pass(views, MINUTE_MS - 1);
  await expect(stat(file())).rejects.toThrow('ENOENT');
  await pass(views, 1);
  expect(await linesOf()).toHaveLength(100);
  await views.close();
});

test('programs of the box itself, without a user, are left out', async () => {
  const views = open();
  views.begin('door', '', '127.0.0.1:1')();
  views.begin('yard', '', `${HOME}:1`)();
  expect(await views.list()).toMatchObject([{ user: '', camera: 'yard' }]);
  await views.close();
});

test('a clock that is set while a view lasts corrects its begin', async () => {
  const views = open();
  const end = views.begin('door', 'ann', `${HOME}:1`);
  await pass(views, MINUTE_MS);
  clock.stepWall(DAY_MS);
  end();
  const toMs = clock.wallMs();
  await views.close();
  expect(await open().list()).toMatchObject([{ fromMs: toMs - MINUTE_MS, toMs }]);
});

test('after a power cut the begin is known, the end is not, and a half line spoils no other', async () => {
  const views = open();
  views.begin('door', 'ann', `${HOME}:1`);
  await pass(views, MINUTE_MS);
  await appendFile(file(), '{"id":"half');
  const next = open();
  expect(await next.list()).toMatchObject([{ camera: 'door', toMs: null, isRunning: false }]);
  await pass(next, MINUTE_MS);
  next.begin('yard', 'ann', `${HOME}:1`)();
  await next.close();
  expect((await open().list()).map(({ camera }) => camera)).toEqual(['yard', 'door']);
});

test('views older than the configured time are dropped, also from the file', async () => {
  const views = open();
  views.begin('door', 'ann', `${HOME}:1`)();
  const endless = views.begin('yard', 'frigate', `${HOME}:1`);
  await pass(views, 10 * MINUTE_MS);
  for (let day = 0; day < 31; day += 1) {
    await pass(views, DAY_MS);
    views.begin('shed', 'ann', `${HOME}:1`)();
  }
  await pass(views, 10 * MINUTE_MS);
  const left = await views.list();
  expect(left.filter(({ camera }) => camera === 'door')).toEqual([]);
  expect(left.filter(({ camera }) => camera === 'yard')).toMatchObject([{ isRunning: true }]);
  expect(await readFile(file(), 'utf8')).not.toContain('"door"');
  endless();
  await views.close();
  expect((await open().list()).filter(({ camera }) => camera === 'yard')).toHaveLength(1);
});

test('a shorter time applies at once to the list and within a day to the file; without one nothing is too old', async () => {
  keptMs = 0;
  const views = open();
  views.begin('door', 'ann', `${HOME}:1`)();
  await pass(views, 3 * MINUTE_MS);
  clock.skip(40 * DAY_MS);
  expect(await views.list()).toMatchObject([{ camera: 'door' }]);
  keptMs = DAY_MS;
  expect(await views.list()).toEqual([]);
  views.begin('yard', 'ann', `${HOME}:1`)();
  await pass(views, MINUTE_MS);
  expect(await readFile(file(), 'utf8')).not.toContain('"door"');
  await views.close();
});

test('a full file keeps the newest views', async () => {
  const line = (n: number) =>
    JSON.stringify({
      ...{ id: `old${n}`, user: 'ann', role: 'viewer', camera: `c${n}`, mode: 'live', address: HOME },
      ...{ from: clock.wallMs() - DAY_MS + n, to: clock.wallMs() - DAY_MS + n + 1 },
    });
  await writeFile(file(), Array.from({ length: 16_000 }, (_, n) => `${line(n)}\n`).join(''));
  expect((await stat(file())).size).toBeGreaterThan(2 << 20);
  const views = open();
  views.begin('door', 'ann', `${HOME}:1`)();
  await pass(views, MINUTE_MS);
  expect((await stat(file())).size).toBeLessThanOrEqual(1 << 20);
  expect((await views.list()).slice(0, 2).map(({ camera }) => camera)).toEqual(['door', 'c15999']);
  await views.close();
});

test('views wait while the disk cannot be written', async () => {
  await mkdir(file());
  const views = open();
  views.begin('door', 'ann', `${HOME}:1`)();
  await clock.advance(MINUTE_MS);
  await views.list().catch(() => {});
  await rm(file(), { recursive: true });
  await pass(views, MINUTE_MS);
  expect(await views.list()).toMatchObject([{ camera: 'door' }]);
  await views.close();
  expect(await open().list()).toHaveLength(1);
});

describe('with a database', () => {
  const server = (database: MemoryDatabase, name: string) => {
    const dataDir = join(folder, name);
    const carrier = database.server(dataDir);
    const roleOf = () => 'viewer' as const;
    return { carrier, views: new ViewLog({ dataDir, clock, log: silentLogger, roleOf, keptMs: () => keptMs }) };
  };

  test('views of all servers are listed, each once', async () => {
    const database = new MemoryDatabase();
    const [one, other] = [server(database, 'one'), server(database, 'other')];
    const end = one.views.begin('door', 'ann', `${HOME}:1`);
    other.views.begin('yard', 'ann', `${HOME}:2`)();
    await pass(one.views, MINUTE_MS);
    end();
    await pass(one.views, 4 * MINUTE_MS);
    const seen = (await other.views.list()).map(({ camera, toMs }) => [camera, toMs !== null]);
    expect(seen.sort()).toEqual([
      ['door', true],
      ['yard', true],
    ]);
    expect(await one.views.list()).toHaveLength(2);
  });

  test('views wait while the database is away, and old ones are removed', async () => {
    const database = new MemoryDatabase();
    const { carrier, views } = server(database, 'one');
    carrier.goAway();
    views.begin('door', 'ann', `${HOME}:1`)();
    await clock.advance(5 * MINUTE_MS);
    await expect(views.list()).rejects.toThrow('the database is away');
    carrier.comeBack();
    await pass(views, MINUTE_MS);
    expect(await server(database, 'other').views.list()).toHaveLength(1);
    await clock.advance(31 * DAY_MS);
    views.begin('yard', 'ann', `${HOME}:1`)();
    await pass(views, 5 * MINUTE_MS);
    expect([...(database.lists.get('views')?.values() ?? [])].map(({ json }) => JSON.parse(json).camera)).toEqual([
      'yard',
    ]);
  });
});
