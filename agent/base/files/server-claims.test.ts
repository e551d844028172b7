import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { ServerClaims } from './server-claims.ts';

const settled = async (turns = 50) => {
  for (let i = 0; i < turns; i += 1) {
    await Promise.resolve();
  }
};

test('a claim is asked at whichever moment of an earlier one it comes', async () => {
  const database = new MemoryDatabase();
  const dataDir = '/claiming';
  database.server(dataDir);
  const clock = new FakeClock();
  const claims = new ServerClaims({ dataDir, clock, lastsMs: 60_000 });
  const first = claims.take('first');
  await clock.advance(1_000);
  expect(await first).toBe(true);
  for (let turns = 0; turns < 20; turns += 1) {
    void claims.take(`before ${turns}`);
    await settled(turns);
    void claims.take(`${turns}`);
    await settled();
    expect([...database.leases.keys()]).toContain(`${turns}`);
  }
});
