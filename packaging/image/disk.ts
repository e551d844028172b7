import { open, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../call.ts';
import { CHOICE } from './system/choice.ts';

const MIB = 2 ** 20;
const SECTOR_BYTES = 512;

/** Four partitions: boot, system, a second system, and data, which grow. Erase blocks of cards are 4 MiB. */
export const LAYOUT = {
  boot: { startMib: 4, sizeMib: 252, type: 'c' },
  root: { startMib: 256, sizeMib: 1_536, type: '83' },
  spare: { startMib: 1_792, sizeMib: 1_536, type: '83' },
  data: { startMib: 3_328, sizeMib: 256, type: '83' },
} as const;
const SIZE_MIB = LAYOUT.data.startMib + LAYOUT.data.sizeMib;

interface DiskOptions {
  readonly rootFolder: string;
  readonly bootFolder: string;
  /** Eight hexadecimal digits. */
  readonly diskId: string;
}

/** Assembles the disk as a file, without mounting anything. */
export async function makeDisk(file: string, { rootFolder, bootFolder, diskId }: DiskOptions): Promise<void> {
  await writeFile(file, '');
  await truncate(file, SIZE_MIB * MIB);
  const lines = Object.values(LAYOUT).map(
    ({ startMib, sizeMib, type }) => `start=${sectors(startMib)}, size=${sectors(sizeMib)}, type=${type}`,
  );
  await call('sfdisk', ['--quiet', file], { input: ['label: dos', `label-id: 0x${diskId}`, ...lines, ''].join('\n') });

  await using handle = await open(file, 'r+');
  await handle.write(CHOICE.text, CHOICE.sector * SECTOR_BYTES);

  const boot = `${file}@@${LAYOUT.boot.startMib}M`;
  await call('mformat', ['-i', boot, '-F', '-T', String(sectors(LAYOUT.boot.sizeMib)), '-v', 'PERCHBOOT', '::']);
  const names = (await readdir(bootFolder)).map((name) => join(bootFolder, name));
  await call('mcopy', ['-i', boot, '-s', ...names, '::']);

  await makeExt4(file, LAYOUT.root, ['-L', 'perchroot-a', '-m', '1', '-d', rootFolder]);
  // Explicit sizes: the defaults for this small partition would stay when it grows.
  await makeExt4(file, LAYOUT.data, ['-L', 'perchdata', '-m', '1', '-b', '4096', '-i', '65536', '-J', 'size=32']);
}

const sectors = (mib: number): number => (mib * MIB) / SECTOR_BYTES;

async function makeExt4(
  file: string,
  { startMib, sizeMib }: { readonly startMib: number; readonly sizeMib: number },
  more: readonly string[],
): Promise<void> {
  await call('mke2fs', ['-q', '-t', 'ext4', '-E', `offset=${startMib * MIB}`, ...more, file, `${sizeMib}M`]);
}
