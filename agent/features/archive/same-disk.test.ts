import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { SameDisk } from './same-disk.ts';

test('a disk that hangs is asked once, and again when it has answered', async () => {
  const clock = new FakeClock();
  const asked = [Promise.withResolvers<number>()];
  let asks = 0;
  const disk = new SameDisk({
    ...{ clock, folders: () => [] },
    deviceOf: () => {
      asks += 1;
      return asked[asks - 1]?.promise ?? Promise.resolve(1);
    },
  });
  for (let minute = 0; minute < 5; minute += 1) {
    disk.isSame('/nas');
    await clock.advance(60_000);
  }
  expect(asks).toBe(1);
  asked[0]?.resolve(1);
  await setImmediate();
  disk.isSame('/nas');
  expect(asks).toBe(2);
});
