import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { SecretKey } from './secret-key.ts';
import { Sessions } from './sessions.ts';

const DAY_MS = 86_400_000;
let folder = '';
let clock = new FakeClock();
const PHONE = { ip: '192.168.1.9', device: 'Chrome, Android' };
const open = async () => Sessions.open(folder, await SecretKey.open(folder, silentLogger), clock, silentLogger);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-sessions-'));
  clock = new FakeClock();
});
// A use is written behind the answer: the folder may get a file while it goes.
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('a session outlives a restart', async () => {
  const token = await (await open()).create('owner', PHONE);
  expect((await open()).find(token)).toBe('owner');
});

test('a token has 256 bits and is nowhere on the disk', async () => {
  const token = await (await open()).create('owner', PHONE);
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  const file = join(folder, 'sessions.json');
  expect(await readFile(file, 'utf8')).not.toContain(token);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a session that was ended is unknown, after a restart too', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await sessions.end(token);
  expect(sessions.find(token)).toBeUndefined();
  expect((await open()).find(token)).toBeUndefined();
});

test('a session ends when it was not used for 30 days, and each use puts that off', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await clock.advance(29 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  await clock.advance(29 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  await clock.advance(30 * DAY_MS + 1);
  expect(sessions.find(token)).toBeUndefined();
});

test('the use is remembered over a restart', async () => {
  const first = await open();
  const token = await first.create('owner', PHONE);
  await clock.advance(29 * DAY_MS);
  first.find(token);
  await expect.poll(async () => (await open()).find(token)).toBe('owner');
  await clock.advance(29 * DAY_MS);
  await expect.poll(async () => (await open()).find(token)).toBe('owner');
});

test('a board that starts in 1970 keeps its sessions when the time arrives', async () => {
  const token = await (await open()).create('owner', PHONE);
  clock.stepWall(-56 * 365 * DAY_MS);
  const sessions = await open();
  expect(sessions.find(token)).toBe('owner');
  const early = await sessions.create('owner', PHONE);
  clock.stepWall(56 * 365 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  expect(sessions.find(early)).toBe('owner');
});

test('the hundred and first session ends the one that was idle longest', async () => {
  const sessions = await open();
  const tokens = [];
  for (let i = 0; i < 100; i += 1) {
    tokens.push(await sessions.create('owner', PHONE));
    await clock.advance(1);
  }
  sessions.find(tokens[0] ?? '');
  await sessions.create('owner', PHONE);
  expect(sessions.size).toBe(100);
  expect(sessions.find(tokens[0] ?? '')).toBe('owner');
  expect(sessions.find(tokens[1] ?? '')).toBeUndefined();
});

test.for(['{', '[]', '{"sessions":[{"hash":"x"}]}'])(
  'a damaged file (%s) means that all log in again',
  async (text) => {
    await writeFile(join(folder, 'sessions.json'), text);
    const sessions = await open();
    expect(sessions.size).toBe(0);
    expect(sessions.find(await sessions.create('owner', PHONE))).toBe('owner');
  },
);

test('a disk that cannot be written does not lock anybody out', async () => {
  const sessions = await open();
  await rm(folder, { recursive: true });
  await writeFile(folder, 'no folder');
  expect(sessions.find(await sessions.create('owner', PHONE))).toBe('owner');
});
