import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { LoginFile } from '../soap/login/login-file.ts';
import type { KeyedHash } from '../soap/login/login-memory.ts';
import { sharedLogins } from './onvif-session.ts';

/** Restores and saves login verdicts in the data folder. Never rejects. */
export async function openStoredLogins(
  dataDir: string,
  hash: KeyedHash,
  clock: Clock,
  log: Logger,
): Promise<LoginFile> {
  const file = new LoginFile(join(dataDir, 'camera-logins.json'), sharedLogins, clock, (reason) =>
    log.warn({ reason }, 'login verdicts of cameras are not saved'),
  );
  await file.open(hash);
  return file;
}
