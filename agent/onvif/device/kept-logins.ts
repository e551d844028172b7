import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { LoginFile } from '../soap/login/login-file.ts';
import type { Seal } from '../soap/login/login-memory.ts';
import { sharedLogins } from './session.ts';

/** Keeps in the data folder what cameras have taken and refused. Never rejects. */
export async function keepLogins(dataDir: string, seal: Seal, clock: Clock, log: Logger): Promise<LoginFile> {
  const file = new LoginFile(join(dataDir, 'camera-logins.json'), sharedLogins, clock, (reason) =>
    log.warn({ reason }, 'what cameras have taken and refused is not kept'),
  );
  await file.open(seal);
  return file;
}
