import { execFile } from 'node:child_process';
import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '../usage-error.ts';

const run = promisify(execFile);

/** Programs that build the image, and their Debian packages. */
export const IMAGE_TOOLS = {
  'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
  mmdebstrap: 'mmdebstrap',
  'qemu-aarch64-static': 'qemu-user-static',
  'arch-test': 'arch-test',
  sfdisk: 'fdisk',
  unshare: 'util-linux',
  mke2fs: 'e2fsprogs',
  mformat: 'mtools',
  mcopy: 'mtools',
  cpio: 'cpio',
  mkimage: 'u-boot-tools',
  depmod: 'kmod',
  xz: 'xz-utils',
} as const;

/** @param tools programs, and their Debian packages @throws UsageError with the packages to install */
export async function needTools(purpose: string, tools: Readonly<Record<string, string>>): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new UsageError(`building ${purpose} needs root: its files belong to root and to other users`);
  }
  const missing = new Set<string>();
  for (const [tool, debianPackage] of Object.entries(tools)) {
    if (!(await isInPath(tool))) {
      missing.add(debianPackage);
    }
  }
  if (missing.size > 0) {
    throw new UsageError(`${purpose} needs more tools: apt install ${[...missing].join(' ')}`);
  }
}

async function isInPath(tool: string): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, tool), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

const BINFMT = '/proc/sys/fs/binfmt_misc';
const ENTRY = 'qemu-aarch64';
/**
 * ELF, 64 bits, little-endian, a program or a shared object, AArch64; `F` opens QEMU now, so a root need not contain
 * it.
 */
const MAGIC =
  String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:` +
  String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/** Lets the kernel run arm64 programs while `work` runs, and restores the previous state. */
export async function withArm64<T>(work: () => Promise<T>): Promise<T> {
  if (process.arch === 'arm64') {
    return work();
  }
  const wasMounted = (await readFile(`${BINFMT}/status`, 'utf8').catch(() => '')) !== '';
  if (!wasMounted) {
    await run('mount', ['-t', 'binfmt_misc', 'binfmt_misc', BINFMT]);
  }
  const wasThere = await access(`${BINFMT}/${ENTRY}`).then(
    () => true,
    () => false,
  );
  if (!wasThere) {
    await writeFile(`${BINFMT}/register`, `:${ENTRY}:M::${MAGIC}:/usr/bin/qemu-aarch64-static:F`);
  }
  try {
    return await work();
  } finally {
    if (!wasThere) {
      await writeFile(`${BINFMT}/${ENTRY}`, '-1');
    }
    if (!wasMounted) {
      await run('umount', [BINFMT]);
    }
  }
}
