import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { call } from '../call.ts';
import { untilInterrupted } from '../interruption.ts';
import { tellRefusal } from '../refusal.ts';
import { makeBootFolder, raspberryFirmware } from './boot.ts';
import { makeDisk } from './disk.ts';
import { debianKernel, pi5Kernel } from './kernels.ts';
import { makeRoot } from './root.ts';
import { needTools } from './tools.ts';

const USAGE = `usage: npm run image [-- --out DIR] [--quick]

Builds perch_VERSION_raspberry-pi.img, to be written to a card, and the same compressed (.img.xz), in ./packages, from packages of
Debian and Perch. Needs root. --quick does not compress.`;

const ROOT = join(import.meta.dirname, '../..');
const SUITE = 'trixie';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'packages') },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  await needTools();
  await mkdir(values.out, { recursive: true });
  const image = join(values.out, `perch_${packageJson.version}_raspberry-pi.img`);
  const stage = await mkdtemp(join(tmpdir(), 'perch-image-'));
  // Collects temporary files of killed programs; apt's own user needs access.
  await chmod(stage, 0o755);
  process.env['TMPDIR'] = stage;
  try {
    await makeImage(stage, `${image}.new`, values.quick);
    await rename(`${image}.new`, image);
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

async function makeImage(stage: string, file: string, isQuick: boolean): Promise<void> {
  say("building Perch's packages");
  const packages = await perchPackages(isQuick, join(stage, 'packages'));
  const root = join(stage, 'root');
  await mkdir(root);
  await makeRoot(root, { suite: SUITE, packages, say });
  say('building the boot partition');
  const kernels = [await debianKernel(root), await pi5Kernel(root, SUITE, join(stage, 'pi5'))];
  const firmware = await raspberryFirmware(SUITE, join(stage, 'firmware'));
  const [diskId, bootFolder] = [randomBytes(4).toString('hex'), join(stage, 'boot')];
  await makeBootFolder(bootFolder, { root, firmware, kernels, diskId });
  await mkdir(join(root, 'boot/firmware'), { recursive: true });
  say('assembling the disk');
  await makeDisk(file, { rootFolder: root, bootFolder, diskId });
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Node first, on which Perch depends. */
async function perchPackages(isQuick: boolean, folder: string): Promise<readonly string[]> {
  const program = join(ROOT, 'packaging/build.ts');
  const parameters = ['--arch', 'arm64', '--out', folder, ...(isQuick ? ['--quick'] : [])];
  const said = await call(process.execPath, [program, ...parameters]);
  return said.trim().split('\n').toReversed();
}

await tellRefusal(USAGE, () => untilInterrupted(main));
