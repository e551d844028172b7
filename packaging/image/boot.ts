import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeInitramfs } from './initramfs.ts';

/** Pi 3, 4, Zero 2 W, their boards for others, and Pi 5, for which Debian 13's kernel has no USB and no Ethernet yet. */
const BOARDS = /^bcm(?:2837|2711|2712)-.*\.dtb$/;
/** `Image` of arm64 begins so (Documentation/arch/arm64/booting.rst); the boards' firmware starts nothing else. */
const IMAGE_MAGIC = { at: 0x38, text: 'ARM\x64' };

const CONFIG = `# Read by the firmware of the Raspberry Pi.
arm_64bit=1
upstream_kernel=1
kernel=vmlinuz
initramfs initrd.img followkernel
# A screen that is plugged in later shows something, too.
hdmi_force_hotplug=1
disable_splash=1
`;

/** Interfaces keep the names eth0 and wlan0 on every board. */
const COMMAND_LINE = 'console=tty1 root=LABEL=perchroot-a ro rootwait net.ifnames=0 panic=10 quiet\n';

/** Fills a folder with what lies on the boot partition. @param firmware Debian's folder of the boards' firmware */
export async function makeBootFolder(root: string, firmware: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(firmware, folder, { recursive: true });
  const [release, ...others] = await readdir(join(root, 'usr/lib/modules'));
  if (release === undefined || others.length > 0) {
    throw new Error(`one kernel is wanted, not ${[release, ...others].join(', ')}`);
  }
  const kernel = await readFile(join(root, `boot/vmlinuz-${release}`));
  if (kernel.toString('latin1', IMAGE_MAGIC.at, IMAGE_MAGIC.at + 4) !== IMAGE_MAGIC.text) {
    throw new Error(`vmlinuz-${release} is packed in a way that the firmware of a Raspberry Pi cannot start`);
  }
  await writeFile(join(folder, 'vmlinuz'), kernel);
  const trees = join(root, `usr/lib/linux-image-${release}/broadcom`);
  const found: Uint8Array[] = [];
  for (const name of (await readdir(trees)).filter((one) => BOARDS.test(one))) {
    const tree = await readFile(join(trees, name));
    found.push(tree);
    await writeFile(join(folder, name), tree);
  }
  await makeInitramfs(root, release, found, join(folder, 'initrd.img'));
  await writeFile(join(folder, 'config.txt'), CONFIG);
  await writeFile(join(folder, 'cmdline.txt'), COMMAND_LINE);
  await cp(join(import.meta.dirname, 'perch-setup.txt'), join(folder, 'perch-setup.txt'));
}
