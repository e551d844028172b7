import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { LazyNotifications } from './lazy-notifications.ts';

const CHANNEL = {
  ...{ id: 'c1', name: 'One', language: 'en', page: 'http://perch/', snoozedUntil: 0 },
  rules: [{ cameras: 'all', kinds: ['person'] }],
  settings: { kind: 'ntfy', url: 'https://ntfy.sh/topic', token: '' },
};

test.for([
  ['no files', {}, false],
  [
    'only removed entries',
    { 'notify-channels.json': { channels: [] }, 'push-subscriptions.json': { subscriptions: [] } },
    false,
  ],
  ['a channel', { 'notify-channels.json': { channels: [CHANNEL] } }, true],
  ['a damaged file', { 'notify-channels.json': 'damaged' }, true],
] as const)('a start with %s: are notifications loaded?', async ([, files, isLoaded]) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-notify-'));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(dataDir, name), JSON.stringify(content), { mode: 0o600 });
  }
  const clock = new FakeClock();
  const notifications = new LazyNotifications(
    {
      ...{ dataDir, clock, log: silentLogger, signal: new AbortController().signal },
      accounts: { person: () => undefined, people: { sessions: { list: () => [] } } },
      paths: { list: () => [] },
      recordings: { events: { acted: { listen: () => () => {} } }, isClockTrusted: true },
    } as unknown as ConstructorParameters<typeof LazyNotifications>[0],
    {},
  );
  onTestFinished(async () => {
    await notifications.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await notifications.begin();
  // The watch for cameras that are away.
  expect(clock.sleeping > 0).toBe(isLoaded);
});
