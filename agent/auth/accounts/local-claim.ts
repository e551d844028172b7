import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { explain } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';
import { hashPassword, PasswordHash } from '../passwords/password-hash.ts';

const LocalClaim = Type.Object({ password: PasswordHash });

const fileIn = (dataDir: string): string => join(dataDir, 'claim.json');
const documentIn = (dataDir: string) => new StoredDocument(fileIn(dataDir), LocalClaim);

/**
 * Leaves the owner's password for the Perch that has the data folder open, which alone writes `users.json`. Write access to the folder
 * suffices to become owner.
 */
export async function writeClaim(dataDir: string, password: string): Promise<void> {
  const hash = await hashPassword(password);
  await documentIn(dataDir).save(() => ({ password: hash }));
}

export async function withdrawClaim(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

export const hasClaim = (dataDir: string): boolean => existsSync(fileIn(dataDir));

/** @returns the claim, if there is one; a damaged one is removed */
export async function findClaim(dataDir: string, log: Logger): Promise<PasswordHash | undefined> {
  try {
    return (await documentIn(dataDir).load())?.password;
  } catch (error) {
    log.warn({ cause: explain(error) }, 'local claim cannot be read');
    await withdrawClaim(dataDir);
    return undefined;
  }
}
