import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { isVersion } from '../system/update/version.ts';
import { ARCHITECTURES, type Architecture, type DebOptions } from './debian.ts';
import { untilInterrupted } from './interruption.ts';
import { commitTime, makePackages } from './packages.ts';
import { makeWhole } from './stage.ts';
import { readSigningKey, updateKeys } from './update.ts';
import { reportUsageErrors, UsageError } from './usage-error.ts';

const USAGE = `usage: npm run packages [-- --out DIR] [--version VERSION] [--arch amd64|arm64 …] [--openwrt] [--objects] [--quick]
                       [--sign KEYFILE [--with-node]]

Builds perch_VERSION_all.deb, and perch-node for each architecture (default: this machine's), in ./packages.
--openwrt also builds perch_VERSION_all.ipk, perch-node_VERSION_MACHINE.ipk, and both in perch-openwrt-VERSION-MACHINE.tar.gz.
--objects also builds perch-objects_VERSION_all.deb and .tar.gz, which find persons, vehicles and animals; npm downloads 180 MB for it, once.
--sign also builds an update of perch, perch-VERSION.perchupdate, signed with this private key; the package gets the public key.
--with-node adds perch-node to the update, for the built architectures.
--quick compresses less, in a fraction of the time.`;

const ROOT = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'packages') },
      version: { type: 'string', default: packageJson.version },
      arch: { type: 'string', multiple: true, default: [process.arch === 'arm64' ? 'arm64' : 'amd64'] },
      openwrt: { type: 'boolean', default: false },
      objects: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      sign: { type: 'string' },
      'with-node': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const architectures = values.arch.map(architectureOf);
  if (!isVersion(values.version)) {
    throw new UsageError(`${values.version} is not a package version, such as 1.2.3`);
  }
  if (values['with-node'] && values.sign === undefined) {
    throw new UsageError('--with-node adds Node to an update, which needs --sign KEYFILE');
  }
  const key = values.sign === undefined ? undefined : await readSigningKey(values.sign);
  const made: string[] = [];
  await makeWhole(values.out, async (folder) => {
    const options: DebOptions = {
      version: values.version,
      time: await commitTime(),
      folder,
      packing: values.quick ? 'quick' : 'small',
      updateKeys: await updateKeys(key),
    };
    const extras = { openwrt: values.openwrt, objects: values.objects, withNode: values['with-node'], key };
    made.push(...(await makePackages(architectures, extras, options)));
  });
  for (const file of made) {
    process.stdout.write(`${join(values.out, basename(file))}\n`);
  }
}

function architectureOf(name: string): Architecture {
  if (!Object.hasOwn(ARCHITECTURES, name)) {
    const known = Object.keys(ARCHITECTURES).join(', ');
    throw new UsageError(`${name} is not an architecture that Perch's Node is packed for: ${known}`);
  }
  return name as Architecture;
}

await reportUsageErrors(USAGE, () => untilInterrupted(main));
