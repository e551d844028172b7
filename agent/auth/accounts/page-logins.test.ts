import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { PageLogins } from './page-logins.ts';

const DAY_MS = 86_400_000;
let folder = '';
let clock = new FakeClock();
const open = () => PageLogins.open(folder, clock, silentLogger);
const stored = async () => JSON.parse(await readFile(join(folder, 'page-logins.json'), 'utf8')).logins;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-logins-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('each program is listed once with its last use, latest first, also after a restart', async () => {
  const logins = await open();
  logins.note('owner', '192.168.1.9', 'rtsp');
  await clock.advance(5_000);
  logins.note('ann', '192.168.1.8', 'hls');
  await clock.advance(5_000);
  logins.note('owner', '192.168.1.9', 'rtsp');
  const listed = [
    { user: 'owner', address: '192.168.1.9', protocol: 'rtsp', last: clock.wallMs() },
    { user: 'ann', address: '192.168.1.8', protocol: 'hls', last: clock.wallMs() - 5_000 },
  ];
  expect(logins.list()).toMatchObject(listed);
  await expect.poll(stored).toHaveLength(2);
  expect(
    (await open())
      .list()
      .map(({ user }) => user)
      .sort(),
  ).toEqual(['ann', 'owner']);
});

test('the time of a known program is saved at most once an hour', async () => {
  const logins = await open();
  logins.note('owner', '192.168.1.9', 'rtsp');
  const firstMs = clock.wallMs();
  await expect.poll(() => stored().catch(() => [])).toMatchObject([{ last: firstMs }]);
  await clock.advance(3_599_000);
  logins.note('owner', '192.168.1.9', 'rtsp');
  expect(await stored()).toMatchObject([{ last: firstMs }]);
  await clock.advance(1_000);
  logins.note('owner', '192.168.1.9', 'rtsp');
  await expect.poll(stored).toMatchObject([{ last: firstMs + 3_600_000 }]);
});

test('an address that has logged in over RTSP with a page password is offered Basic, for thirty days or until it is removed', async () => {
  const logins = await open();
  logins.note('owner', '192.168.1.9', 'rtsp');
  logins.note('owner', '192.168.1.7', 'hls');
  logins.note('owner', '2001:db8:1:2::1', 'rtsp');
  const wants = () => ['192.168.1.9', '192.168.1.7', '2001:db8:1:2::77'].map((ip) => logins.wantsBasic(ip, 'rtsp'));
  expect(wants()).toEqual([true, false, true]);
  const id = logins.list().find(({ address }) => address === '192.168.1.9')?.id ?? '';
  expect([await logins.forget(id), await logins.forget(id)]).toEqual([true, false]);
  expect(wants()).toEqual([false, false, true]);
  await clock.advance(30 * DAY_MS + 1);
  expect([wants(), logins.list()]).toEqual([[false, false, false], []]);
});

test('an address whose Digest answer failed is offered Basic for ten minutes', async () => {
  const logins = await open();
  logins.digestFailed('192.168.1.9');
  expect([logins.wantsBasic('192.168.1.9', 'rtsp'), logins.wantsBasic('192.168.1.8', 'rtsp')]).toEqual([true, false]);
  await clock.advance(600_000);
  expect(logins.wantsBasic('192.168.1.9', 'rtsp')).toBe(false);
});

test('a hundred programs are kept, and a damaged file counts as empty', async () => {
  const logins = await open();
  for (let i = 0; i < 150; i += 1) {
    logins.note('owner', `10.0.0.${i}`, 'rtsp');
  }
  expect(logins.list()).toHaveLength(100);
  const [newest] = logins.list();
  expect(newest?.address).toBe('10.0.0.149');
  // Settles after all saves.
  await logins.forget(newest?.id ?? '');
  expect(await stored()).toHaveLength(99);
  await writeFile(join(folder, 'page-logins.json'), '{"logins":[{"user":7}]}');
  expect((await open()).list()).toEqual([]);
});
