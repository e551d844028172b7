import { createHash, type KeyObject, sign } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { publicPem } from '../update.ts';

/** The public key of the release. */
export const PUBLIC_KEY = 'perch-update.pem';
const LIST = 'SHA256SUMS';

/** `SHA256SUMS` as of sha256sum, its Ed25519 signature `SHA256SUMS.sig` (64 bytes), and the public key, `perch-update.pem`. */
export async function signFolder(folder: string, key: KeyObject): Promise<void> {
  await writeFile(join(folder, PUBLIC_KEY), publicPem(key));
  const entries = await readdir(folder, { withFileTypes: true });
  // Those of an earlier signature are replaced.
  const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(LIST)).map(({ name }) => name);
  let lines = '';
  for (const name of names.sort()) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), hash);
    lines += `${hash.digest('hex')}  ${name}\n`;
  }
  await writeFile(join(folder, LIST), lines);
  await writeFile(join(folder, `${LIST}.sig`), sign(null, Buffer.from(lines), key));
}
