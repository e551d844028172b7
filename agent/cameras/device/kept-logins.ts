import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { LoginFile } from '../soap/login-file.ts';
import { sharedLogins } from './session.ts';

/** Keeps what cameras have refused in the data folder. Never rejects. */
export async function keepLogins(dataDir: string, clock: Clock, log: Logger): Promise<LoginFile> {
  const file = new LoginFile(join(dataDir, 'camera-logins.json'), sharedLogins, clock, (reason) =>
    log.warn({ reason }, 'what cameras have refused is not kept'),
  );
  await file.open();
  return file;
}
