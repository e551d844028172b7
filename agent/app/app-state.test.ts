import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../test/support/disks/recordings.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import { readLastStart } from '../config/store/last-start.ts';
import type { Feature } from '../features/contract.ts';
import { openState } from './app-state.ts';

/** A start with a database that fails. @returns the folder */
async function failedStart(error: PerchError): Promise<string> {
  const { path, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  const database = {
    name: 'database',
    documentsPlace: () => 'a database',
    documents: () => Promise.reject(error),
  };
  const options = {
    ...{ version: '0', pageFolder: path, dataDir: join(path, 'data'), cwd: path, env: {} },
    ...{ clock: new FakeClock(), log: createLogger('silent', () => {}) },
    features: [database as unknown as Feature],
  };
  await expect(openState(options)).rejects.toBe(error);
  return options.dataDir;
}

test('after a start that fails because the database is away people are there', async () => {
  const dataDir = await failedStart(new PerchError('unavailable', 'it does not answer'));
  expect(await readLastStart(dataDir)).toMatchObject({ documents: 'a database' });
});

test('after a start that refuses to leave the people in files they are where they were', async () => {
  const dataDir = await failedStart(new PerchError('badInput', 'the database has no people'));
  expect(await readLastStart(dataDir)).toBeUndefined();
});
