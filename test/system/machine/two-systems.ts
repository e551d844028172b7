import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SUITE } from '../../../packaging/debian.ts';
import { uBootOf } from '../../../packaging/image/boot.ts';
import { LAYOUT } from '../../../packaging/image/disk.ts';
import { CHOICE } from '../../../packaging/image/system/choice.ts';
import type { System } from '../../../system/update/second-system.ts';

const run = promisify(execFile);
const SECTOR_BYTES = 512;

/** The choice of the system, as U-Boot reads it. The machine is off. */
export async function choose(card: string, text: string): Promise<void> {
  await using handle = await open(card, 'r+');
  await handle.write(
    Buffer.from(text.padEnd(SECTOR_BYTES, '\0'), 'latin1'),
    0,
    SECTOR_BYTES,
    CHOICE.sector * SECTOR_BYTES,
  );
}

/** @returns the choice that is on the card */
export async function choiceOn(card: string): Promise<string> {
  await using handle = await open(card, 'r');
  const { buffer } = await handle.read(Buffer.alloc(SECTOR_BYTES), 0, SECTOR_BYTES, CHOICE.sector * SECTOR_BYTES);
  return buffer.toString('latin1').replace(/\0+$/, '');
}

/** The second system becomes a copy of the first one. The machine is off. */
export async function copySystem(card: string): Promise<void> {
  const { root, spare } = LAYOUT;
  const places = [`skip=${root.startMib}`, `seek=${spare.startMib}`, `count=${root.sizeMib}`];
  await run('dd', [`if=${card}`, `of=${card}`, 'bs=1M', ...places, 'conv=notrunc', 'status=none']);
}

/** @returns whether that system of a card is the same as the first one of another card, which are both off */
export async function isSystem(card: string, system: System, other: string): Promise<boolean> {
  const { root, spare } = LAYOUT;
  const start = (system === 'a' ? root : spare).startMib;
  const places = ['-i', `${start}MiB:${root.startMib}MiB`, '-n', `${root.sizeMib}MiB`];
  return run('cmp', ['--quiet', ...places, card, other]).then(
    () => true,
    () => false,
  );
}

/** Repairs the data as the start does. @param paths as the system has them @returns the files' sizes */
export async function dataSizes(card: string, paths: readonly string[]): Promise<readonly number[]> {
  // e2fsck forgets an offset when it has replayed the journal.
  const data = `${card}.data`;
  const places = ['bs=1M', `skip=${LAYOUT.data.startMib}`, 'conv=sparse', 'status=none'];
  await run('dd', [`if=${card}`, `of=${data}`, ...places]);
  // dd leaves out zeros at the end.
  await truncate(data, (await stat(card)).size - LAYOUT.data.startMib * 2 ** 20);
  // 1: something was repaired.
  await run('e2fsck', ['-p', data]).catch((error: { readonly code: number }) => {
    if (error.code !== 1) {
      throw error;
    }
  });
  const sizes: number[] = [];
  for (const path of paths) {
    const { stdout } = await run('debugfs', ['-R', `stat /system${path}`, data]);
    sizes.push(Number(/Size: (\d+)/.exec(stdout)?.[1] ?? 0));
  }
  return sizes;
}

/** The second system has no file system any more. The machine is off. */
export async function wipeSecondSystem(card: string): Promise<void> {
  const place = [`seek=${LAYOUT.spare.startMib}`, 'count=4', 'conv=notrunc'];
  await run('dd', ['if=/dev/zero', `of=${card}`, 'bs=1M', ...place, 'status=none']);
}

/** @param folder a new one @returns QEMU's U-Boot, of the version that the image has for boards */
export const uBootForQemu = (folder: string): Promise<string> => uBootOf(['u-boot-qemu', 'qemu_arm64'], SUITE, folder);

/** Parameters of QEMU's `virt`. QEMU passes a command line only with a kernel; U-Boot finds that this one is none. */
export function startedByUBoot(uBoot: string, commandLine: string, folder: string): readonly string[] {
  const none = join(folder, 'no-kernel');
  writeFileSync(none, 'none\n');
  return ['-bios', uBoot, '-kernel', none, '-append', commandLine];
}
