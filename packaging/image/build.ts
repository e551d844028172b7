import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { makeBootFolder } from './boot.ts';
import { makeDisk } from './disk.ts';
import { raspberryFirmware } from './firmware.ts';
import { makeRoot } from './root.ts';
import { call, needTools } from './tools.ts';

const USAGE = `usage: npm run image [-- --out DIR] [--suite bookworm|trixie] [--quick]

Makes perch_VERSION_raspberry-pi.img, to be written to a card, and the same packed (.img.xz), in ./packages, from Debian's packages
and Perch's. As root. --quick packs nothing.`;

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const SUITES = ['bookworm', 'trixie'];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(ROOT, 'packages') },
      suite: { type: 'string', default: 'trixie' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  if (!SUITES.includes(values.suite)) {
    throw new Error(`${values.suite} is none of ${SUITES.join(', ')}`);
  }
  await needTools();
  await mkdir(values.out, { recursive: true });
  const image = join(values.out, `perch_${packageJson.version}_raspberry-pi.img`);
  const stage = await mkdtemp(join(tmpdir(), 'perch-image-'));
  try {
    say("making Perch's packages");
    const packages = await perchPackages(values.quick, join(stage, 'packages'));
    const root = join(stage, 'root');
    await mkdir(root);
    await makeRoot(root, { suite: values.suite, packages, say });
    say('making the boot partition');
    const boot = join(stage, 'boot');
    await makeBootFolder(root, await raspberryFirmware(values.suite, join(stage, 'firmware'), say), boot);
    await rm(join(root, 'boot'), { recursive: true });
    await mkdir(join(root, 'boot/firmware'), { recursive: true });
    say('putting the disk together');
    await makeDisk(root, boot, `${image}.new`);
    await rename(`${image}.new`, image);
    if (!values.quick) {
      say('packing it: some minutes');
      await call('xz', ['--keep', '--force', '--threads=0', '-6', image]);
    }
  } finally {
    await rm(stage, { recursive: true });
  }
  const made = values.quick ? image : `${image}.xz`;
  say(`${made}: ${Math.round((await stat(made)).size / 1e6)} MB`);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Node first: Perch depends on it. */
async function perchPackages(isQuick: boolean, folder: string): Promise<readonly string[]> {
  const program = join(ROOT, 'packaging/build.ts');
  const parameters = ['--arch', 'arm64', '--out', folder, ...(isQuick ? ['--quick'] : [])];
  const { stdout } = await run(process.execPath, [program, ...parameters], { maxBuffer: 1e6 });
  return stdout.trim().split('\n').toReversed();
}

await main();
