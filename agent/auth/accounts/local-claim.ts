import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { loadPrivate, savePrivate } from '../../base/private-file.ts';
import { hashPassword, PasswordHash } from '../passwords/password-hash.ts';

const LocalClaim = Type.Object({ password: PasswordHash });

const fileIn = (dataDir: string): string => join(dataDir, 'claim.json');

/**
 * Lays down the owner's password for the Perch that holds the data folder, which alone writes `users.json`. Whoever may
 * write into the folder may own the box.
 */
export async function layClaim(dataDir: string, password: string): Promise<void> {
  await savePrivate(fileIn(dataDir), { password: await hashPassword(password) });
}

export async function withdrawClaim(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

export const isLaid = (dataDir: string): boolean => existsSync(fileIn(dataDir));

/** @returns the claim that was laid down, if there is one; a damaged one is removed */
export async function findClaim(dataDir: string, log: Logger): Promise<PasswordHash | undefined> {
  const stored = await loadPrivate(fileIn(dataDir)).catch((error: unknown) => explain(error));
  if (Check(LocalClaim, stored)) {
    return stored.password;
  }
  if (stored !== undefined) {
    log.warn({ cause: typeof stored === 'string' ? stored : 'it has no password' }, 'a local claim cannot be read');
    await withdrawClaim(dataDir);
  }
  return undefined;
}
