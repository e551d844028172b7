import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { signIndex } from '../openwrt-index.ts';
import { makeUpdate, publicPem, readSigningKey, signingKey } from '../update.ts';
import { reportUsageErrors, UsageError } from '../usage-error.ts';
import { PUBLIC_KEY, signFolder } from './checksums.ts';

const USAGE = `usage: npm run release:sign -- KEYFILE [DIR]

Makes the update of a release in DIR (default: ./release), its checksums and the signature of opkg's index, signed with the private key (Ed25519, PEM) in KEYFILE,
- is the standard input. Starts no other program.`;

const PERCH = /^perch_(.+)_all\.deb$/;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [keyFile, folder = join(import.meta.dirname, '../../release')] = positionals;
  if (values.help || keyFile === undefined) {
    process.stdout.write(`${USAGE}\n`);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const key = keyFile === '-' ? signingKey(readFileSync(0), 'the standard input') : await readSigningKey(keyFile);
  const names = (await readdir(folder)).sort();
  const version = names.map((name) => PERCH.exec(name)?.[1]).find((one) => one !== undefined);
  if (version === undefined) {
    throw new UsageError(`${folder} is not a release: npm run release builds one`);
  }
  if ((await readFile(join(folder, PUBLIC_KEY), 'utf8')) !== publicPem(key)) {
    throw new UsageError(`the release in ${folder} was built for another key: its packages would reject this update`);
  }
  const { metadata } = JSON.parse(await readFile(join(folder, `perch_${version}.cdx.json`), 'utf8'));
  const nodes = names.filter((name) => name.startsWith(`perch-node_${version}_`) && name.endsWith('.deb'));
  const files = [`perch_${version}_all.deb`, ...nodes].map((name) => join(folder, name));
  await makeUpdate(files, key, { version, time: Date.parse(metadata.timestamp) / 1_000, folder });
  await signIndex(folder, key);
  await signFolder(folder, key);
  process.stdout.write(await readFile(join(folder, 'SHA256SUMS'), 'utf8'));
}

await reportUsageErrors(USAGE, main);
