import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { SubscriptionFile } from './subscription-file.ts';

test('a damaged entry is left out, and of too long a list the first 256 are read', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'camera-subscriptions.json');
  const { log, logged } = keepLogLines();
  const entryOf = (key: string) => {
    const camera = createHash('sha256').update(key).digest('base64url');
    return { camera, address: `http://${key}/`, headers: '' };
  };
  const damaged = [null, 7, { ...entryOf('gate'), address: 7 }];
  const others = Array.from({ length: 300 }, (_, i) => entryOf(`other${i}`));
  writeFileSync(file, JSON.stringify({ subscriptions: [...damaged, entryOf('door'), ...others, entryOf('late')] }));
  const read = new SubscriptionFile(file, new FakeClock(), log);
  await read.load();
  expect(read.of('door').left()).toEqual({ address: 'http://door/', headers: '' });
  expect([read.of('gate').left(), read.of('late').left(), logged]).toEqual([undefined, undefined, []]);
});
