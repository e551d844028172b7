import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
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

test('a session survives a restart', async () => {
  const token = await (await open()).create('owner', PHONE);
  expect((await open()).find(token)).toBe('owner');
});

test('a token has 256 bits and is not on the disk', async () => {
  const token = await (await open()).create('owner', PHONE);
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  const file = join(folder, 'sessions.json');
  expect(await readFile(file, 'utf8')).not.toContain(token);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('the latest use is first, if the wall clock advances while they are listed', async () => {
  const sessions = await open();
  const earlier = await sessions.create('eve', PHONE);
  await clock.advance(0.1);
  await sessions.create('owner', PHONE);
  const wallMs = clock.wallMs;
  let readings = 0;
  clock.wallMs = () => wallMs() + readings++;
  await clock.advance(0.1);
  expect(sessions.idOf(earlier)).toBeDefined();
  expect(sessions.list().map(({ user }) => user)).toEqual(['eve', 'owner']);
});

test('an ended session is unknown, also after a restart', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await sessions.end(token);
  expect(sessions.find(token)).toBeUndefined();
  expect((await open()).find(token)).toBeUndefined();
});

test('a session expires 30 days after its last use', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await clock.advance(29 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  await clock.advance(29 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  await clock.advance(30 * DAY_MS + 1);
  expect(sessions.find(token)).toBeUndefined();
});

test('the last use survives a restart', async () => {
  const first = await open();
  const token = await first.create('owner', PHONE);
  await clock.advance(29 * DAY_MS);
  first.find(token);
  await expect.poll(async () => (await open()).find(token)).toBe('owner');
  await clock.advance(29 * DAY_MS);
  await expect.poll(async () => (await open()).find(token)).toBe('owner');
});

test('a board that starts in 1970 keeps its sessions when the clock is set', async () => {
  const token = await (await open()).create('owner', PHONE);
  clock.stepWall(-56 * 365 * DAY_MS);
  const sessions = await open();
  expect(sessions.find(token)).toBe('owner');
  const early = await sessions.create('owner', PHONE);
  clock.stepWall(56 * 365 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  expect(sessions.find(early)).toBe('owner');
});

test('the 101st session ends the one idle longest', async () => {
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

test.for(['{', '[]', '{"sessions":[{"hash":"x"}]}'])('a damaged file (%s) requires new logins', async (text) => {
  await writeFile(join(folder, 'sessions.json'), text);
  const sessions = await open();
  expect(sessions.size).toBe(0);
  expect(sessions.find(await sessions.create('owner', PHONE))).toBe('owner');
});

test('ending a session fails if it would be valid again after the next start', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await rm(folder, { recursive: true });
  await writeFile(folder, '');
  const [item] = sessions.list();
  await expect(sessions.endById(item?.id ?? '', undefined)).rejects.toMatchObject({
    code: 'unavailable',
    message: 'the session is over, but that cannot be saved: it would be valid again after the next start',
  });
  expect(sessions.find(token)).toBeUndefined();
});

test('a disk that cannot be written locks out no user', async () => {
  const sessions = await open();
  await rm(folder, { recursive: true });
  await writeFile(folder, 'no folder');
  expect(sessions.find(await sessions.create('owner', PHONE))).toBe('owner');
});

test("a token in use for a day gets a successor, and stays valid for a minute after the successor's first use", async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await clock.advance(DAY_MS - 1);
  expect(await sessions.renewal(token, PHONE.ip)).toBeUndefined();
  await clock.advance(1);
  const next = (await sessions.renewal(token, PHONE.ip)) ?? '';
  expect(next).toHaveLength(43);
  expect([next === token, sessions.find(token), sessions.find(next)]).toEqual([false, 'owner', 'owner']);
  await clock.advance(59_999);
  expect(sessions.find(token)).toBe('owner');
  await clock.advance(1);
  expect([sessions.find(token), sessions.find(next), sessions.size]).toEqual([undefined, 'owner', 1]);
});

test('replies with the next token may be lost or overtake each other: the old one is valid until the next one is used', async () => {
  const token = await (await open()).create('owner', PHONE);
  await clock.advance(DAY_MS);
  const sessions = await open();
  const [one, other] = await Promise.all([sessions.renewal(token, PHONE.ip), sessions.renewal(token, PHONE.ip)]);
  expect(one).toBe(other);
  await clock.advance(3 * DAY_MS);
  expect(sessions.find(token)).toBe('owner');
  // The box may have started again in between.
  const restarted = await open();
  expect([await restarted.renewal(token, PHONE.ip), restarted.find(one ?? '')]).toEqual([one, 'owner']);
});

test('all tokens of an ended session are invalid', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await clock.advance(DAY_MS);
  const next = (await sessions.renewal(token, PHONE.ip)) ?? '';
  await sessions.end(token);
  expect([sessions.find(token), sessions.find(next)]).toEqual([undefined, undefined]);
  expect((await open()).find(next)).toBeUndefined();
});

test('sessions are listed by device, and ended by id, by their user or the owner', async () => {
  const sessions = await open();
  const token = await sessions.create('owner', PHONE);
  await clock.advance(60_000);
  await sessions.create('eve', { ip: '203.0.113.5', device: 'Safari, iPhone' });
  const [eve, owner] = sessions.list();
  expect(owner).toMatchObject({
    id: sessions.idOf(token),
    user: 'owner',
    ...PHONE,
    createdMs: clock.wallMs() - 60_000,
  });
  expect(sessions.list('eve')).toEqual([eve]);
  expect(JSON.stringify(sessions.list())).not.toMatch(/[0-9a-f]{64}/);
  expect(await sessions.endById(owner?.id ?? '', 'eve')).toBe(false);
  expect(await sessions.endById(eve?.id ?? '', undefined)).toBe(true);
  expect(sessions.list().map(({ user }) => user)).toEqual(['owner']);
});

test('all sessions of a user end except that of the request', async () => {
  const sessions = await open();
  const kept = await sessions.create('owner', PHONE);
  const tokens = [await sessions.create('owner', PHONE), await sessions.create('eve', PHONE)];
  await sessions.endAllOf('owner', kept);
  expect([kept, ...tokens].map((token) => sessions.find(token))).toEqual(['owner', undefined, 'eve']);
});

test('revoked sessions are reported once per user; a logout is not', async () => {
  const sessions = await open();
  const revoked: string[] = [];
  sessions.onRevoked((user) => revoked.push(user));
  const [one, two] = [await sessions.create('owner', PHONE), await sessions.create('owner', PHONE)];
  await sessions.create('eve', PHONE);
  await sessions.end(one);
  expect(revoked).toEqual([]);
  expect(await sessions.endById(sessions.idOf(two) ?? '', undefined)).toBe(true);
  await sessions.create('eve', PHONE);
  await sessions.endAllOf('eve');
  expect(await sessions.endById('none', undefined)).toBe(false);
  expect(revoked).toEqual(['owner', 'eve']);
});

test("a hundred logins of one user end only that user's sessions", async () => {
  const sessions = await open();
  const owner = await sessions.create('owner', PHONE);
  for (let i = 0; i < 101; i += 1) {
    await sessions.create('eve', PHONE);
  }
  expect([sessions.find(owner), sessions.size]).toEqual(['owner', 100]);
});

test('a file of a former version loads, and its sessions get distinct ids', async () => {
  const hash = (letter: string) => letter.repeat(64);
  const old = { user: 'owner', created: clock.wallMs(), seen: clock.wallMs() };
  const stored = [
    { hash: hash('a'), ...old },
    { hash: hash('b'), ...old },
  ];
  await writeFile(join(folder, 'sessions.json'), JSON.stringify({ sessions: stored }));
  const ids = (await open()).list().map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
});
