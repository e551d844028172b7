import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pushBrowser } from '../../../../test/features/notify/support/push-service.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { Subscriptions } from './subscriptions.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-subscriptions-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ROLES = { owner: 'owner', guest: 'guest' } as const;
const { keys } = pushBrowser();

async function open() {
  const subscriptions = await Subscriptions.open({
    ...{
      dataDir: folder,
      clock: new FakeClock(),
      log: keepLogLines().log,
      isAlive: () => true,
      isKnown: () => true,
    },
    roleOf: (user) => ROLES[user.replace(/\d+$/, '') as keyof typeof ROLES] ?? 'viewer',
  });
  const add = (user: string, i: number, more: object = {}) =>
    subscriptions.add(
      { user, session: 's', device: 'Firefox' },
      { endpoint: `https://push.example.com/${user}/${i}`, ...keys, language: 'en', rules: [], ...more },
    );
  return { add, subscriptions };
}

test('a guest link has three browsers', async () => {
  const { add } = await open();
  for (const i of [1, 2, 3, 3]) {
    await add('guest1', i);
  }
  await expect(add('guest1', 4)).rejects.toMatchObject({ code: 'exhausted' });
  await add('guest2', 1);
});

test('viewers and guests leave 20 places to the owner', async () => {
  const { add } = await open();
  for (let i = 0; i < 180; i++) {
    await add(`viewer${i % 9}`, i);
  }
  await expect(add('viewer10', 0)).rejects.toMatchObject({ code: 'exhausted' });
  await expect(add('guest1', 0)).rejects.toMatchObject({ code: 'exhausted' });
  for (let i = 0; i < 20; i++) {
    await add('owner', i);
  }
  await expect(add('owner', 20)).rejects.toMatchObject({ code: 'exhausted' });
});

test('rules and pauses that the stored file has no room for are rejected, and the others stay', async () => {
  const { add, subscriptions } = await open();
  const cameras = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(500, 'x'));
  const { id } = await add('owner', 0, {
    rules: Array.from({ length: 15 }, () => ({ cameras, kinds: ['motion'] })).slice(0, 14),
  });
  const rules = [
    { cameras, kinds: ['motion'] },
    { cameras, kinds: ['person'] },
    { cameras, kinds: ['animal'] },
  ];
  await expect(add('viewer', 0, { rules })).rejects.toMatchObject({ code: 'exhausted' });
  await expect(subscriptions.change({ user: 'owner' }, id, { language: 'zh-cn' })).resolves.toMatchObject({ id });
  expect((await open()).subscriptions.of({ user: 'owner' })).toMatchObject([{ id, language: 'zh-cn' }]);
});
