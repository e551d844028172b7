import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from './extract.ts';
import { makeInitramfs } from './initramfs.ts';
import type { Kernel } from './kernels.ts';

/** Later lines are for the board in brackets. The initramfs has the drivers of both kernels. */
const CONFIG = `# Read by the firmware of the Raspberry Pi.
arm_64bit=1
upstream_kernel=1
initramfs initrd.img followkernel
# A screen that is plugged in later shows something, too.
hdmi_force_hotplug=1
disable_splash=1
kernel=vmlinuz
[pi5]
kernel=vmlinuz-pi5
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
  /** Eight hexadecimal digits. */
  readonly diskId: string;
}

/** Creates the contents of the boot partition. */
export async function makeBootFolder(folder: string, { root, firmware, kernels, diskId }: BootOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(firmware, folder, { recursive: true });
  for (const { name, image, trees } of kernels) {
    await writeFile(join(folder, name), image);
    for (const [tree, bytes] of trees) {
      await writeFile(join(folder, tree), bytes);
    }
  }
  await makeInitramfs(root, kernels, join(folder, 'initrd.img'));
  await writeFile(join(folder, 'config.txt'), CONFIG);
  await writeFile(join(folder, 'cmdline.txt'), commandLine(diskId));
  await cp(join(import.meta.dirname, 'perch-setup.txt'), join(folder, 'perch-setup.txt'));
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
