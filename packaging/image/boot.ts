import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../call.ts';
import { extract } from './extract.ts';
import { makeInitramfs } from './initramfs.ts';
import type { Kernel } from './kernels.ts';

/**
 * config.txt of the Raspberry Pi. Lines after `[pi5]` apply to that board only. The initramfs has the drivers of both
 * kernels. `enable_uart` keeps the clock of U-Boot's serial port constant.
 */
const CONFIG = `# Read by the firmware of the Raspberry Pi.
arm_64bit=1
upstream_kernel=1
# A screen that is plugged in later shows something, too.
hdmi_force_hotplug=1
disable_splash=1
# U-Boot starts one of two systems. Without it: kernel=vmlinuz, and the line of the initramfs.
kernel=u-boot.bin
enable_uart=1
[pi5]
kernel=vmlinuz-pi5
initramfs initrd.img followkernel
[all]
`;

/**
 * Interfaces are eth0 and wlan0 on every board. `perch.written` shows that the disk still has the id of the image,
 * which the first start replaces.
 */
export const commandLine = (diskId: string): string =>
  `console=tty1 root=PARTUUID=${diskId}-02 perch.written=${diskId} ro rootwait net.ifnames=0 panic=10 quiet\n`;

interface BootOptions {
  readonly root: string;
  /** Debian's folder of the boards' firmware. */
  readonly firmware: string;
  readonly kernels: readonly Kernel[];
  /** Path of the U-Boot binary. */
  readonly uBoot: string;
  /** Eight hexadecimal digits. */
  readonly diskId: string;
}

/** Creates the contents of the boot partition, and those of `/boot` in the root. */
export async function makeBootFolder(folder: string, options: BootOptions): Promise<void> {
  const { root, firmware, kernels, uBoot, diskId } = options;
  await mkdir(folder, { recursive: true });
  await cp(firmware, folder, { recursive: true });
  for (const { name, image, trees } of kernels) {
    await writeFile(join(folder, name), image);
    for (const [tree, bytes] of trees) {
      await writeFile(join(folder, tree), bytes);
    }
  }
  await makeInitramfs(root, kernels, join(folder, 'initrd.img'));
  await mkdir(join(root, 'boot/firmware'), { recursive: true });
  for (const name of ['vmlinuz', 'initrd.img']) {
    await cp(join(folder, name), join(root, 'boot', name));
  }
  await cp(uBoot, join(folder, 'u-boot.bin'));
  await layBootScript(folder);
  await writeFile(join(folder, 'config.txt'), CONFIG);
  await writeFile(join(folder, 'cmdline.txt'), commandLine(diskId));
  await cp(join(import.meta.dirname, 'perch-setup.txt'), join(folder, 'perch-setup.txt'));
}

/** Compiles boot.cmd to boot.scr, the script that U-Boot runs. */
export async function layBootScript(folder: string): Promise<void> {
  const script = join(import.meta.dirname, 'boot.cmd');
  const parameters = ['-A', 'arm64', '-T', 'script', '-C', 'none', '-n', 'Perch'];
  await call('mkimage', [...parameters, '-d', script, join(folder, 'boot.scr')]);
}

const FIRMWARE = 'usr/lib/raspi-firmware';

/**
 * The boards' firmware from Debian's package. Only extracted: the package looks for a boot partition.
 * @param folder for unpacking @returns the files in it
 */
export async function raspberryFirmware(suite: string, folder: string): Promise<string> {
  await extract({ name: `firmware-${suite}.tar`, suite, packages: ['raspi-firmware'], path: FIRMWARE }, folder);
  return join(folder, FIRMWARE);
}

/**
 * U-Boot from a Debian package. @param folder for unpacking @returns the file
 * @param board `rpi_arm64` is for Pi 3, Pi 4 and Zero 2 W
 */
export async function uBootOf(
  [debianPackage, board]: readonly ['u-boot-rpi', 'rpi_arm64'] | readonly ['u-boot-qemu', 'qemu_arm64'],
  suite: string,
  folder: string,
): Promise<string> {
  const path = `usr/lib/u-boot/${board}`;
  await extract({ name: `${debianPackage}-${suite}.tar`, suite, packages: [debianPackage], path }, folder);
  return join(folder, path, 'u-boot.bin');
}
