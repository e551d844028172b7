import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { call } from '../call.ts';
import { inTemporaryFolder } from '../stage.ts';
import type { Kernel } from './kernels.ts';

/** In addition to drivers in device trees: file systems, USB disks, USB of the Pi 4, the watchdog, disks of QEMU. */
const ALWAYS = [
  ...['ext4', 'mmc_block', 'sd_mod', 'usb-storage', 'uas', 'xhci-pci', 'bcm2835_wdt'],
  ...['virtio_pci', 'virtio_mmio', 'virtio_blk'],
];
/** Not needed to boot from a disk: systemd loads them later. */
const LATER =
  /^kernel\/(?:sound|net|drivers\/(?:gpu|media|staging|net|bluetooth|hwmon|leds|input|iio|rtc|nvmem|thermal|char|crypto|tty|video|pwm|spi|i2c))\//;

type KernelOfRoot = Pick<Kernel, 'release' | 'trees' | 'drivers'>;

/**
 * The initramfs: busybox, the disk drivers of the kernels in `root`, and `init`. Debian's own is created by a thousand
 * small programs, which takes minutes under emulation.
 */
export function makeInitramfs(root: string, kernels: readonly KernelOfRoot[], file: string): Promise<void> {
  return inTemporaryFolder(async (stage) => {
    for (const folder of ['bin', 'dev', 'modules', 'proc', 'root', 'sys']) {
      await mkdir(join(stage, folder));
    }
    await copyFile(join(root, 'usr/bin/busybox'), join(stage, 'bin/busybox'));
    await chmod(join(stage, 'bin/busybox'), 0o755);
    await copyFile(join(import.meta.dirname, 'init'), join(stage, 'init'));
    await call('ln', ['-s', 'busybox', join(stage, 'bin/sh')]);
    await call('mknod', ['-m', '600', join(stage, 'dev/console'), 'c', '5', '1']);
    for (const kernel of kernels) {
      await layModules(root, kernel, join(stage, 'modules', kernel.release));
    }
    const pack = 'cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible | gzip -9n > "$2"';
    await call('sh', ['-c', pack, 'pack', stage, file]);
  });
}

async function layModules(root: string, kernel: KernelOfRoot, folder: string): Promise<void> {
  await mkdir(folder);
  const modules = join(root, 'usr/lib/modules', kernel.release);
  const order: string[] = [];
  for (const path of await neededModules(modules, kernel)) {
    order.push(basename(path).replace(/\.xz$/, ''));
    await copyFile(join(modules, path), join(folder, basename(path)));
  }
  const packed = (await readdir(folder)).filter((name) => name.endsWith('.xz'));
  if (packed.length > 0) {
    await call('xz', ['--decompress', ...packed.map((name) => join(folder, name))]);
  }
  await writeFile(join(folder, 'order'), `${order.join('\n')}\n`);
}

/** Paths of modules in loading order. */
async function neededModules(folder: string, { trees, drivers }: KernelOfRoot): Promise<readonly string[]> {
  const text = (name: string) => readFile(join(folder, name), 'utf8');
  const needs = parseDependencies(await text('modules.dep'));
  const builtIn = await text('modules.builtin');
  const byName = new Map([...needs.keys()].map((path) => [entryName(path), path]));
  const wanted = new Set<string>();
  for (const name of [...ALWAYS, ...drivers]) {
    const path = byName.get(name.replaceAll('-', '_'));
    if (path !== undefined) {
      wanted.add(path);
    } else if (!builtIn.split('\n').some((line) => line !== '' && entryName(line) === name.replaceAll('-', '_'))) {
      throw new Error(`the kernel in ${folder} has no driver ${name}`);
    }
  }
  for (const name of driversOf(await text('modules.alias'), [...trees.values()])) {
    const path = byName.get(name);
    if (path !== undefined && !LATER.test(path)) {
      wanted.add(path);
    }
  }
  return inOrder([...wanted], needs);
}

const entryName = (path: string): string =>
  basename(path)
    .replace(/\.ko(?:\.xz)?$/, '')
    .replaceAll('-', '_');

/** `PATH: PATH PATH …` per line: a module and its dependencies. */
export function parseDependencies(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = [...text.matchAll(/^([^:\n]+):(.*)$/gm)];
  return new Map(lines.map(([, path = '', needs = '']) => [path, needs.split(' ').filter((one) => one !== '')]));
}

/** `alias of:NnameTtypeCcompatible MODULE` per line; a device tree has the names of its devices as text. */
export function driversOf(aliases: string, trees: readonly Uint8Array[]): ReadonlySet<string> {
  const drivers = new Set<string>();
  for (const [, compatible = '', module = ''] of aliases.matchAll(/^alias of:N\*T[^C]*C([^*\s]+)\*? (\S+)$/gm)) {
    const name = Buffer.from(`${compatible}\0`);
    if (trees.some((tree) => Buffer.from(tree).includes(name))) {
      drivers.add(module.replaceAll('-', '_'));
    }
  }
  return drivers;
}

/** @throws if a dependency is missing in the table */
export function inOrder(wanted: readonly string[], needs: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const order = new Set<string>();
  const visit = (path: string): void => {
    const before = needs.get(path);
    if (before === undefined) {
      throw new Error(`modules.dep does not know ${path}`);
    }
    // Each line lists all dependencies, the deepest last.
    for (const need of before.toReversed()) {
      order.add(need);
    }
    order.add(path);
  };
  wanted.toSorted().forEach(visit);
  return [...order];
}
