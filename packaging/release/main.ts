import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { isVersion } from '../../system/update/version.ts';
import { call } from '../call.ts';
import { CONTAINER_TOOLS, makeContainer } from '../container/container.ts';
import { ARCHITECTURES, type Architecture, type DebOptions, source } from '../debian.ts';
import { IMAGE_TOOLS, needTools } from '../image/tools.ts';
import { untilInterrupted } from '../interruption.ts';
import { compareNode } from '../node.ts';
import { writeIndex } from '../openwrt-index.ts';
import { commitTime, makePackages, tell } from '../packages.ts';
import { writeSbom } from '../sbom.ts';
import { makeWhole } from '../stage.ts';
import { publicKey, publicPem, updateKeys } from '../update.ts';
import { reportUsageErrors, UsageError } from '../usage-error.ts';
import { PUBLIC_KEY } from './checksums.ts';
import { fill, makeAddOn, makeFleet, releaseNotes } from './files.ts';

const USAGE = `usage: npm run release [-- --out DIR] [--tag TAG] [--no-image] [--quick]
       npm run release -- --compare-node ARCHIVE

Builds what people download, for amd64 and arm64, in ./release: packages for Debian and OpenWrt, the image for a Raspberry Pi, containers,
the files of the Home Assistant add-on, lists of components (CycloneDX) and release notes. Needs root. npm run release:sign adds the
update and signed checksums.
--tag checks that the version has this tag and a date in CHANGELOG.md.
--compare-node compares bin/node in an archive of nodejs.org (node-v26.10.0-linux-arm64.tar.xz) with packaging/node-hashes.json, and builds
nothing. It prints the archive's SHA-256, to compare with the signed SHASUMS256.txt.asc there.
--no-image leaves out the image, which takes most of the time. --quick compresses less.

PERCH_UPDATE_PUBLIC_KEY  public key of updates (Ed25519, PEM)
PERCH_IMAGE_ADDRESS      address that the containers are pushed to; default: localhost/perch`;

const ROOT = join(import.meta.dirname, '../..');
const KEY = 'PERCH_UPDATE_PUBLIC_KEY';
const ADDRESS = 'PERCH_IMAGE_ADDRESS';
const TOOLS = { ...CONTAINER_TOOLS, patchelf: 'patchelf', 'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu' };
/** Image name of the OCI's distribution specification, after a host. */
const IMAGE_ADDRESS = /^[a-z0-9.:-]+(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+$/;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'release') },
      tag: { type: 'string' },
      'compare-node': { type: 'string' },
      'no-image': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const archive = values['compare-node'];
  if (archive !== undefined) {
    process.stdout.write(`${(await compareNode(archive)).join('\n')}\n`);
    return;
  }
  const { version } = packageJson;
  if (!isVersion(version)) {
    throw new UsageError(`${version} in package.json is not a package version, such as 1.2.3`);
  }
  const notes = releaseNotes(await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8'), version, values.tag);
  // The private key stays away: programs of the build could read it.
  const [key, address] = [publicKey(process.env[KEY] ?? '', KEY), imageAddress()];
  const withImage = !values['no-image'];
  await needTools('a release', withImage ? { ...TOOLS, ...IMAGE_TOOLS } : TOOLS);
  await makeWhole(values.out, async (folder) => {
    const options: DebOptions = {
      version,
      time: await commitTime(),
      folder,
      packing: values.quick ? 'quick' : 'small',
      updateKeys: await updateKeys(key),
    };
    const architectures = Object.keys(ARCHITECTURES) as Architecture[];
    await makePackages(architectures, { openwrt: true, objects: true, withNode: true, key: undefined }, options);
    await writeIndex(folder);
    await writeSbom(
      join(folder, `perch_${version}.cdx.json`),
      { name: 'perch', version, time: options.time },
      architectures,
    );
    for (const architecture of architectures) {
      await container(architecture, options);
    }
    if (withImage) {
      tell('building the image: takes up to half an hour');
      await image(options);
    }
    for (const name of ['compose.yaml', 'compose-server.yaml']) {
      await writeFile(join(folder, name), fill(`${await source(`container/${name}`)}`, address, version));
    }
    await makeFleet(address, options);
    await makeAddOn(address, options);
    await writeFile(join(folder, 'RELEASE-NOTES.md'), notes);
    await writeFile(join(folder, PUBLIC_KEY), publicPem(key));
  });
  tell(`built: npm run release:sign -- KEYFILE ${values.out} signs it`);
}

function imageAddress(): string {
  const address = process.env[ADDRESS] || 'localhost/perch';
  if (!IMAGE_ADDRESS.test(address)) {
    throw new UsageError(`${ADDRESS} is "${address}", expected HOST/NAME in lower case`);
  }
  return address;
}

async function container(architecture: Architecture, options: DebOptions): Promise<void> {
  const { folder, version, time } = options;
  tell(`building the container for ${architecture}: takes about a minute`);
  const debs = [`perch_${version}_all.deb`, `perch-node_${version}_${architecture}.deb`];
  const { file, packages } = await makeContainer(
    architecture,
    debs.map((name) => join(folder, name)),
    options,
  );
  await writeSbom(
    file.replace('.tar.gz', '.cdx.json'),
    { name: 'perch-container', version, time },
    [architecture],
    packages,
  );
}

async function image({ folder, version, packing }: DebOptions): Promise<void> {
  const program = join(ROOT, 'packaging/image/build.ts');
  const quick = packing === 'quick' ? ['--quick'] : [];
  await call(process.execPath, [program, '--packages', folder, '--out', folder, ...quick]);
  if (packing === 'small') {
    await rm(join(folder, `perch_${version}_raspberry-pi.img`));
  }
}

await reportUsageErrors(USAGE, () => untilInterrupted(main));
