import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call } from './call.ts';

const LIST = 'Packages';
/** File for `opkg-key add`. */
const PUBLIC_KEY = 'perch-opkg.pub';
/** Raw public key at the end of its DER form (RFC 8410 §4). */
const KEY_BYTES = 32;

/** `Packages` and `Packages.gz`: opkg's index of all its packages in a folder, which thus can be a feed. */
export async function writeIndex(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ipk')).sort();
  const entries = await Promise.all(names.map((name) => entryOf(folder, name)));
  const list = entries.join('\n');
  await writeFile(join(folder, LIST), list);
  await writeFile(join(folder, `${LIST}.gz`), gzipSync(list, { level: 9 }));
}

async function entryOf(folder: string, name: string): Promise<string> {
  const file = join(folder, name);
  const script = 'set -e; tar -xzOf "$0" ./control.tar.gz | tar -xzOf - ./control';
  const control = await call('sh', ['-c', script, file]);
  const bytes = await readFile(file);
  const sum = createHash('sha256').update(bytes).digest('hex');
  // opkg reads the description last, as it may have several lines.
  const [before = '', description = ''] = control.trim().split(/^(?=Description:)/m);
  return `${before}Filename: ${name}\nSize: ${bytes.length}\nSHA256sum: ${sum}\n${description}\n`;
}

/**
 * Signs a folder's index, if it has one, in the form of OpenWrt's usign, which is that of OpenBSD's signify: `Packages.sig`
 * and the public key. Each is a comment and `Ed`, the key's number (8 bytes), and the signature or key, in base64.
 */
export async function signIndex(folder: string, key: KeyObject): Promise<void> {
  const list = await readFile(join(folder, LIST)).catch(() => undefined);
  if (list === undefined) {
    return;
  }
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES);
  const number = createHash('sha256').update(raw).digest().subarray(0, 8);
  const text = (what: string, bytes: Uint8Array) =>
    `untrusted comment: ${what}\n${Buffer.concat([Buffer.from('Ed'), number, bytes]).toString('base64')}\n`;
  await writeFile(join(folder, PUBLIC_KEY), text('public key of Perch', raw));
  await writeFile(join(folder, `${LIST}.sig`), text(`verify with ${PUBLIC_KEY}`, sign(null, list, key)));
}
