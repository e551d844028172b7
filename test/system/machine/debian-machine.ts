import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { CLOCK, layShell, Machine } from './machine.ts';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/machines');
/** Packages of a server, and those that Perch's packages need, because the machine has no network. */
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'iproute2', 'curl', 'kmod', 'e2fsprogs'],
  ...['init-system-helpers', 'libatomic1', 'procps'],
];
const ROOT_MEGABYTES = 3_000;

export type Suite = 'bookworm' | 'trixie';
/** With that clock Debian 12's kernel waits for its second processor without end. */
const PROCESSORS: Readonly<Record<Suite, number>> = { bookworm: 1, trixie: 2 };

export interface DebianMachineOptions {
  readonly suite: Suite;
  /** Files of this machine that lie in the other's /files. */
  readonly files: readonly string[];
  /** Empty disks by name (`/dev/disk/by-id/virtio-NAME`), in megabytes. */
  readonly disks?: Readonly<Record<string, number>>;
  /** Packages in addition to those of every machine. */
  readonly packages?: readonly string[];
  /** Packages in files that it has from the beginning: what takes minutes to be unpacked by an emulated machine. */
  readonly installed?: readonly string[];
  /** Its battery clock at every start (`1970-01-01T00:00:00`); undefined: the host's. */
  readonly batteryTime?: string;
  /** Debian package of the kernel; undefined: the one for virtual machines, with few drivers. */
  readonly kernel?: string;
  /** Parameters of QEMU for the network cards; undefined: none. */
  readonly cards?: readonly string[];
  /** Parameters of QEMU for other devices. */
  readonly devices?: readonly string[];
  /** Changes the root of this machine, by a program for this processor: what an emulated one takes minutes for. */
  readonly prepare?: (root: string) => Promise<void>;
}

/** A Debian without a network; it is off. Disposing of it ends it and removes its disks. */
export async function debianMachine(options: DebianMachineOptions): Promise<DebianMachine> {
  const { kernel = 'linux-image-cloud-amd64', cards = ['-nic', 'none'] } = options;
  const base = await baseOf(options.suite, [...PACKAGES, kernel, ...(options.packages ?? [])], options.installed ?? []);
  const folder = mkdtempSync(join(tmpdir(), 'perch-machine-'));
  try {
    await run('cp', ['--sparse=always', join(base, 'root.img'), join(folder, 'root.img')]);
    if (options.prepare) {
      await mounted(join(folder, 'root.img'), options.prepare);
    }
    const disks = [drive(join(folder, 'root.img'), 'root'), drive(await filesDisk(options.files, folder), 'files')];
    for (const [name, megabytes] of Object.entries(options.disks ?? {})) {
      const file = join(folder, `${name}.disk`);
      await run('truncate', ['-s', `${megabytes}M`, file]);
      disks.push(drive(file, name));
    }
    return new DebianMachine(folder, [
      ...['qemu-system-x86_64', ...CLOCK, '-cpu', 'max', '-M', 'q35', '-m', '768'],
      ...['-smp', String(PROCESSORS[options.suite])],
      ...['-kernel', join(base, 'vmlinuz'), '-initrd', join(base, 'initrd.img')],
      ...cards,
      ...(options.devices ?? []),
      ...['-append', 'root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0 systemd.firstboot=off'],
      ...(options.batteryTime === undefined ? [] : ['-rtc', `base=${options.batteryTime}`]),
      ...disks.flat(),
    ]);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

export class DebianMachine extends Machine {
  readonly #folder: string;

  constructor(folder: string, command: readonly string[]) {
    super({ command, folder });
    this.#folder = folder;
  }

  /** The contents of one of its empty disks, for the host to read. */
  fileOf(disk: string): string {
    return join(this.#folder, `${disk}.disk`);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

async function mounted(image: string, use: (root: string) => Promise<void>): Promise<void> {
  const root = `${image}.mounted`;
  mkdirSync(root);
  await run('mount', ['-o', 'loop', image, root]);
  try {
    await use(root);
  } finally {
    await run('umount', [root]);
  }
}

const drive = (file: string, serial: string): string[] => [
  ...['-drive', `file=${file},format=raw,if=none,id=${serial}`],
  ...['-device', `virtio-blk-pci,drive=${serial},serial=${serial}`],
];

async function filesDisk(files: readonly string[], folder: string): Promise<string> {
  const stage = join(folder, 'files');
  mkdirSync(stage);
  for (const file of files) {
    copyFileSync(file, join(stage, basename(file)));
  }
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'files', '-d', stage, `${stage}.img`, '500M']);
  rmSync(stage, { recursive: true });
  return `${stage}.img`;
}

/** A folder with `root.img`, `vmlinuz` and `initrd.img`, made once for each list of packages. */
async function baseOf(suite: Suite, packages: readonly string[], installed: readonly string[]): Promise<string> {
  const digests = installed.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
  const madeOf = [suite, ...packages, ...digests, layShell.toString(), layBase.toString()].join('\n');
  const folder = join(CACHE, `${suite}-${createHash('sha256').update(madeOf).digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) {
    return folder;
  }
  mkdirSync(CACHE, { recursive: true });
  const stage = mkdtempSync(join(CACHE, 'new-'));
  const root = join(stage, 'root');
  try {
    const include = `--include=${packages.join(',')}`;
    await run('mmdebstrap', ['--variant=minbase', '--mode=root', include, suite, root]);
    for (const file of installed) {
      copyFileSync(file, join(root, 'installed.deb'));
      await run('chroot', [root, 'dpkg', '--install', '/installed.deb']);
      rmSync(join(root, 'installed.deb'));
    }
    layBase(root);
    layShell(root);
    for (const name of ['vmlinuz', 'initrd.img']) {
      copyFileSync(globSync(join(root, `boot/${name}-*`))[0] ?? name, join(stage, name));
    }
    await run('mke2fs', ['-q', '-t', 'ext4', '-d', root, join(stage, 'root.img'), `${ROOT_MEGABYTES}M`]);
    rmSync(root, { recursive: true });
    // Another run may have been faster.
    if (!existsSync(folder)) {
      renameSync(stage, folder);
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
  return folder;
}

function layBase(root: string): void {
  const fstab = ['/dev/vda / ext4 rw,noatime,errors=remount-ro 0 1', '/dev/vdb /files ext4 ro 0 0'];
  mkdirSync(join(root, 'files'));
  writeFileSync(join(root, 'etc/fstab'), `${fstab.join('\n')}\n`);
  writeFileSync(join(root, 'etc/hostname'), 'box\n');
  writeFileSync(join(root, 'etc/machine-id'), '');
}
