import { execFile } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { isVersion } from '../system/update/version.ts';
import { buildPage } from '../webui/build.ts';
import { bundleAgent } from './bundle.ts';
import { ARCHITECTURES, type Architecture, type DebOptions, makeNodeDeb, makePerchDeb } from './debian.ts';
import { INTERRUPTION, untilInterrupted } from './interruption.ts';
import { packedNode } from './node.ts';
import { makeNodeIpk, makeOpenwrtArchive, makePerchIpk } from './openwrt.ts';
import { openwrtRuntime } from './openwrt-runtime.ts';
import { Refusal, tellRefusal } from './refusal.ts';
import { inTemporaryFolder, makeWhole } from './stage.ts';
import { makeUpdate, readSigningKey, updateKeys } from './update.ts';

const USAGE = `usage: npm run packages [-- --out DIR] [--version VERSION] [--arch amd64|arm64 …] [--openwrt] [--quick]
                       [--sign KEYFILE [--with-node]]

Builds perch_VERSION_all.deb, and perch-node for each architecture (default: this machine's), in ./packages.
--openwrt also builds perch_VERSION_all.ipk, perch-node_VERSION_MACHINE.ipk, and both in perch-openwrt-VERSION-MACHINE.tar.gz.
--sign also builds an update of perch, perch-VERSION.perchupdate, signed with this private key; the package gets the public key.
--with-node adds perch-node to the update, for the built architectures.
--quick compresses less, in a fraction of the time.`;

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);
const MAP = 'perch.cjs.map';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'packages') },
      version: { type: 'string', default: packageJson.version },
      arch: { type: 'string', multiple: true, default: [process.arch === 'arm64' ? 'arm64' : 'amd64'] },
      openwrt: { type: 'boolean', default: false },
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
    throw new Refusal(`${values.version} is not a package version, such as 1.2.3`);
  }
  if (values['with-node'] && values.sign === undefined) {
    throw new Refusal('--with-node adds Node to an update, which needs --sign KEYFILE');
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
    const extras = { openwrt: values.openwrt, withNode: values['with-node'], key };
    made.push(...(await makePackages(architectures, extras, options)));
  });
  for (const file of made) {
    process.stdout.write(`${join(values.out, basename(file))}\n`);
  }
}

interface Extras {
  readonly openwrt: boolean;
  readonly withNode: boolean;
  readonly key: KeyObject | undefined;
}

/** @returns the files, without the source map */
async function makePackages(
  architectures: readonly Architecture[],
  { openwrt, withNode, key }: Extras,
  options: DebOptions,
): Promise<readonly string[]> {
  const isSmall = options.packing === 'small';
  tell('building the program and its page: takes some seconds');
  const bundle = await bundleAgent(options.version);
  await writeFile(join(options.folder, MAP), bundle.get(MAP) ?? '');
  INTERRUPTION.throwIfAborted();
  const files = await perchFiles(bundle);
  const update = [await makePerchDeb(files, options)];
  const made = [...update];
  if (openwrt) {
    made.push(await makePerchIpk(files, options));
  }
  for (const architecture of architectures) {
    tell(`stripping Node for ${architecture}, downloading it if it is missing`);
    const node = await packedNode(architecture);
    tell(`packing Node for ${architecture}: takes ${isSmall ? 'one or two minutes' : 'some seconds'}`);
    const deb = await makeNodeDeb(architecture, node, options);
    made.push(deb);
    update.push(...(withNode ? [deb] : []));
    if (openwrt) {
      tell(`downloading the libraries for Node on OpenWrt, ${architecture}, from Debian: takes up to a minute`);
      const runtime = await openwrtRuntime(architecture, node);
      tell(`packing Node for OpenWrt, twice: takes ${isSmall ? 'up to a minute' : 'some seconds'}`);
      made.push(await makeNodeIpk(architecture, runtime, options));
      made.push(await makeOpenwrtArchive(architecture, files, runtime, options));
    }
  }
  if (key) {
    tell('signing the update');
    made.push(await makeUpdate(update, key, options));
  }
  return made;
}

function architectureOf(name: string): Architecture {
  if (!Object.hasOwn(ARCHITECTURES, name)) {
    const known = Object.keys(ARCHITECTURES).join(', ');
    throw new Refusal(`${name} is not an architecture that Perch's Node is packed for: ${known}`);
  }
  return name as Architecture;
}

/** Not to stdout, which lists the built files for other programs. */
const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** The bundle and the page as in /usr/lib/perch. */
async function perchFiles(bundle: ReadonlyMap<string, Uint8Array>): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const [name, bytes] of bundle) {
    if (name !== MAP) {
      files.set(`agent/${name}`, bytes);
    }
  }
  await inTemporaryFolder(async (folder) => {
    const page = join(folder, 'dist');
    await buildPage(page);
    for (const name of (await readdir(page)).sort()) {
      // Compressed at installation: these files would be two thirds of the package.
      if (!name.endsWith('.gz')) {
        files.set(`webui/dist/${name}`, await readFile(join(page, name)));
      }
    }
  });
  return files;
}

/** Unix seconds: the same commit yields the same packages. Without history, the time of `package.json`. */
async function commitTime(): Promise<number> {
  const set = process.env['SOURCE_DATE_EPOCH'];
  if (set !== undefined) {
    return Number(set);
  }
  const committed = await run('git', ['log', '-1', '--format=%ct'], { cwd: ROOT }).catch(() => undefined);
  return committed ? Number(committed.stdout) : Math.floor((await stat(join(ROOT, 'package.json'))).mtimeMs / 1_000);
}

await tellRefusal(USAGE, () => untilInterrupted(main));
