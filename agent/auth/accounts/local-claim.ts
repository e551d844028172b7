import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { explain } from '../../base/errors.ts';
import { loadPrivate, savePrivate } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';
import { hashPassword, PasswordHash } from '../passwords/password-hash.ts';

const LocalClaim = Type.Object({ password: PasswordHash });

const fileIn = (dataDir: string): string => join(dataDir, 'claim.json');

/**
 * Leaves the owner's password for the Perch that has the data folder open, which alone writes `users.json`. Write access to the folder
 * suffices to become owner.
 */
export async function writeClaim(dataDir: string, password: string): Promise<void> {
  await savePrivate(fileIn(dataDir), { password: await hashPassword(password) });
}

export async function withdrawClaim(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

export const hasClaim = (dataDir: string): boolean => existsSync(fileIn(dataDir));

/** @returns the claim, if there is one; a damaged one is removed */
export async function findClaim(dataDir: string, log: Logger): Promise<PasswordHash | undefined> {
  const stored = await loadPrivate(fileIn(dataDir)).catch((error: unknown) => explain(error));
  if (Check(LocalClaim, stored)) {
    return stored.password;
  }
  if (stored !== undefined) {
    log.warn({ cause: typeof stored === 'string' ? stored : 'no password' }, 'local claim cannot be read');
    await withdrawClaim(dataDir);
  }
  return undefined;
}
