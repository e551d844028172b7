import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { call } from '../call.ts';
import { SUITE } from '../debian.ts';
import { untilInterrupted } from '../interruption.ts';
import { commitTime } from '../packages.ts';
import { writeSbom } from '../sbom.ts';
import { readSigningKey } from '../update.ts';
import { reportUsageErrors } from '../usage-error.ts';
import { makeBootFolder, raspberryFirmware, uBootOf } from './boot.ts';
import { makeDisk } from './disk.ts';
import { debianKernel, pi5Kernel } from './kernels.ts';
import { makeRoot } from './root.ts';
import { makeSystemUpdate } from './system-update.ts';
import { IMAGE_TOOLS, needTools } from './tools.ts';

const USAGE = `usage: npm run image [-- --out DIR] [--packages DIR] [--quick] [--sign KEYFILE]

Builds perch_VERSION_raspberry-pi.img, to be written to a card, and the same compressed (.img.xz), in ./packages, from packages of
Debian and Perch, and the list of its components (.cdx.json). Needs root. --packages takes Perch's packages from a folder instead of building them. --quick does not compress.
--sign: also perch-system-VERSION.perchupdate, the system as an update for boxes with the image; KEYFILE is an Ed25519 private key.`;

const ROOT = join(import.meta.dirname, '../..');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'packages') },
      packages: { type: 'string' },
      quick: { type: 'boolean', default: false },
      sign: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  await needTools('the image', IMAGE_TOOLS);
  const key = values.sign === undefined ? undefined : await readSigningKey(values.sign);
  await mkdir(values.out, { recursive: true });
  const image = join(values.out, `perch_${packageJson.version}_raspberry-pi.img`);
  const stage = await mkdtemp(join(tmpdir(), 'perch-image-'));
  // Collects temporary files of killed programs; apt's own user needs access.
  await chmod(stage, 0o755);
  process.env['TMPDIR'] = stage;
  try {
    const packages = values.packages ?? (await makePackages(values.quick, values.sign, join(stage, 'packages')));
    await makeImage(stage, `${image}.new`, packages);
    await rename(`${image}.new`, image);
    if (key) {
      say('packing the system as an update');
      const options = { version: packageJson.version, time: await commitTime(), isQuick: values.quick };
      await makeSystemUpdate(image, join(values.out, `perch-system-${packageJson.version}.perchupdate`), key, options);
    }
    if (!values.quick) {
      say('compressing the image: takes some minutes');
      await call('sh', ['-c', 'xz --threads=0 -6 < "$1" > "$2"', 'pack', image, `${image}.xz.new`]);
      await rename(`${image}.xz.new`, `${image}.xz`);
    }
  } finally {
    for (const path of [stage, `${image}.new`, `${image}.xz.new`]) {
      await rm(path, { recursive: true, force: true });
    }
  }
  const made = values.quick ? image : `${image}.xz`;
  say(`${made}: ${Math.round((await stat(made)).size / 1e6)} MB`);
}

async function makeImage(stage: string, file: string, folder: string): Promise<void> {
  const { version } = packageJson;
  const packages = [`perch-node_${version}_arm64.deb`, `perch_${version}_all.deb`].map((name) => join(folder, name));
  const root = join(stage, 'root');
  await mkdir(root);
  await makeRoot(root, { suite: SUITE, packages, say });
  say('building the boot partition');
  const kernels = [await debianKernel(root), await pi5Kernel(root, SUITE, join(stage, 'pi5'))];
  const firmware = await raspberryFirmware(SUITE, join(stage, 'firmware'));
  const uBoot = await uBootOf(['u-boot-rpi', 'rpi_arm64'], SUITE, join(stage, 'u-boot'));
  const [diskId, bootFolder] = [randomBytes(4).toString('hex'), join(stage, 'boot')];
  await makeBootFolder(bootFolder, { root, firmware, kernels, uBoot, diskId });
  say('assembling the disk');
  await makeDisk(file, { rootFolder: root, bootFolder, diskId });
  const installed = (await readFile(join(root, 'var/lib/dpkg/status'), 'utf8')).trim().split('\n\n');
  const about = { name: 'perch-image', version, time: await commitTime() };
  await writeSbom(file.replace(/\.img\.new$/, '.cdx.json'), about, ['arm64'], installed);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** @returns the folder with the packages */
async function makePackages(isQuick: boolean, keyFile: string | undefined, folder: string): Promise<string> {
  say("building Perch's packages");
  const program = join(ROOT, 'packaging/build.ts');
  const more = [...(isQuick ? ['--quick'] : []), ...(keyFile === undefined ? [] : ['--sign', keyFile])];
  const parameters = ['--arch', 'arm64', '--out', folder, ...more];
  await call(process.execPath, [program, ...parameters]);
  return folder;
}

await reportUsageErrors(USAGE, () => untilInterrupted(main));
