import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { holdDataFolder } from '../../../system/data-folder.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { findClaim, hasClaim } from '../../auth/accounts/local-claim.ts';
import { Users } from '../../auth/accounts/users.ts';
import { silentLogger } from '../../base/log.ts';
import { ownCommand } from '../../base/own-command.ts';
import { claimHere } from './claim-command.ts';

/** `perch claim` with a Perch that runs, but does not remove the claim. @param each called while the command waits */
async function claimAt(each: (dataDir: string) => Promise<void> = async () => {}) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const dataDir = folder.path;
  const held = holdDataFolder(dataDir);
  onTestFinished(() => held.release());
  const clock = new FakeClock();
  let isOver = false;
  const claiming = claimHere(dataDir, 'blue heron', clock, ownCommand({ PERCH_COMMAND: 'perch' }, dataDir)).then(
    () => 'set',
    (error: Error) => error.message,
  );
  void claiming.then(() => {
    isOver = true;
  });
  while (!isOver) {
    if (hasClaim(dataDir)) {
      await each(dataDir);
      await clock.advance(500);
    }
    await setImmediate();
  }
  return { dataDir, outcome: await claiming };
}

test('a claim that a busy Perch has not accepted in time is withdrawn, and the command says that it may come late', async () => {
  const { dataDir, outcome } = await claimAt();
  expect(outcome).toBe(
    'Perch is running, but did not accept the password within 15 s. It may still be saving it: try to log in before you run this again',
  );
  expect(hasClaim(dataDir)).toBe(false);
});

test('a password that Perch saves while the time runs out is set', async () => {
  const { outcome } = await claimAt(async (dataDir) => {
    const users = await Users.open(dataDir);
    const hash = await findClaim(dataDir, silentLogger);
    if (hash && users.owner === undefined) {
      await users.setOwner(hash);
    }
  });
  expect(outcome).toBe('set');
});
