import { createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of whoever makes updates for this box: the package brings them. */
const UPDATE_KEYS = '/usr/share/perch/update-keys';

/** Public Ed25519 keys, each in a PEM file. None where there is no such folder: then nobody's updates are taken. */
export function loadUpdateKeys(folder = UPDATE_KEYS): readonly KeyObject[] {
  return namesIn(folder).flatMap((name) => {
    const key = keyIn(readFileSync(join(folder, name)));
    return key ? [key] : [];
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.pem'));
  } catch {
    return [];
  }
}

/** Another kind of key would be asked for another kind of signature. */
function keyIn(pem: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
