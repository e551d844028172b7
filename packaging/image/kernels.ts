import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../call.ts';
import { extract } from './extract.ts';

/** Start of an arm64 `Image` (Documentation/arch/arm64/booting.rst); the boards' firmware boots nothing else. */
const IMAGE_MAGIC = { at: 0x38, text: 'ARM\x64' };
const BACKPORTS = (suite: string): readonly string[] => [
  `--aptopt=Apt::Default-Release "${suite}-backports"`,
  `--setup-hook=sed -n 's/ ${suite} / ${suite}-backports /p' "$1/etc/apt/sources.list" >> "$1/etc/apt/sources.list"`,
];

/** A kernel whose modules are in the root, and its boards. */
export interface Kernel {
  /** `uname -r` */
  readonly release: string;
  /** File name on the boot partition. */
  readonly name: string;
  readonly image: Uint8Array;
  readonly trees: ReadonlyMap<string, Uint8Array>;
  /** Disk drivers that its device trees do not name. */
  readonly drivers: readonly string[];
}

/** Debian's kernel, installed in the root: for Pi 3, Pi 4, Zero 2 W and their compute modules. */
export async function debianKernel(root: string): Promise<Kernel> {
  const [release, ...others] = await readdir(join(root, 'usr/lib/modules'));
  if (release === undefined || others.length > 0) {
    throw new Error(`expected one kernel, found ${[release, ...others].join(', ')}`);
  }
  const files = join(root, `usr/lib/linux-image-${release}`);
  const kernel = {
    release,
    name: 'vmlinuz',
    image: await imageOf(join(root, `boot/vmlinuz-${release}`)),
    trees: await treesOf(join(files, 'broadcom'), /^bcm(?:2837|2711)-.*\.dtb$/),
    // ext4 asks for its checksum by a name that only modprobe would understand.
    drivers: ['crc32c_generic'],
  };
  // Boards boot from the boot partition.
  await rm(files, { recursive: true });
  await rm(join(root, 'boot'), { recursive: true });
  return kernel;
}

/**
 * The kernel of Debian's backports, for the Pi 5: the older one lacks drivers of the chip with USB and Ethernet. Its
 * modules are added to the root. @param folder for unpacking
 */
export async function pi5Kernel(root: string, suite: string, folder: string): Promise<Kernel> {
  const [name, path] = [`kernel-${suite}-backports.tar`, 'usr/lib/modules'];
  await extract({ name, suite, packages: ['linux-image-arm64'], parameters: BACKPORTS(suite), path }, folder);
  const [release = '', ...others] = await readdir(join(folder, path));
  if (others.length > 0) {
    throw new Error(`expected one kernel, found ${[release, ...others].join(', ')}`);
  }
  const files = join(folder, path, release);
  const trees = await treesOf(join(files, 'dtb/broadcom'), /^bcm2712-.*\.dtb$/);
  const image = await imageOf(join(files, 'vmlinuz'));
  for (const unneeded of ['vmlinuz', 'dtb']) {
    await rm(join(files, unneeded), { recursive: true });
  }
  await rename(files, join(root, path, release));
  await call('depmod', ['-b', root, release]);
  // USB is on a chip behind PCI Express.
  return { release, name: 'vmlinuz-pi5', image, trees, drivers: ['rp1_pci', 'xhci-plat-hcd', 'nvme'] };
}

async function imageOf(file: string): Promise<Uint8Array> {
  const image = await readFile(file);
  if (image.toString('latin1', IMAGE_MAGIC.at, IMAGE_MAGIC.at + 4) !== IMAGE_MAGIC.text) {
    throw new Error(`${file} has a format that the firmware of a Raspberry Pi cannot boot`);
  }
  return image;
}

async function treesOf(folder: string, boards: RegExp): Promise<ReadonlyMap<string, Uint8Array>> {
  const trees = new Map<string, Uint8Array>();
  for (const name of (await readdir(folder)).filter((one) => boards.test(one))) {
    trees.set(name, await readFile(join(folder, name)));
  }
  return trees;
}
