import { createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Keys of the publisher of updates; the package installs them. */
const UPDATE_KEYS = '/usr/share/perch/update-keys';

/** Public Ed25519 keys, one PEM file each. Without the folder no update is accepted. */
export function loadUpdateKeys(folder = UPDATE_KEYS): readonly KeyObject[] {
  const names = namesIn(folder).filter((name) => name.endsWith('.pem'));
  return names.flatMap((name) => keyIn(readFileSync(join(folder, name))) ?? []);
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Other kinds of keys verify other kinds of signatures. */
function keyIn(pem: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
