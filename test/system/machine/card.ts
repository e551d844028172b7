import { execFile } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LAYOUT } from '../../../packaging/image/disk.ts';

const run = promisify(execFile);
const BUILD = join(import.meta.dirname, '../../../packaging/image/build.ts');

/** A file system within the file of a card, as the mtools name it. */
export const bootPartition = (card: string): string => `${card}@@${LAYOUT.boot.startMib}M`;

/** Builds the image for the Raspberry Pi. @param parameters of its program @returns the card that it is written to, as large as the image */
export async function builtCard(folder: string, parameters: readonly string[] = []): Promise<string> {
  await run(process.execPath, [BUILD, '--quick', '--out', folder, ...parameters], { maxBuffer: 2 ** 20 });
  const card = join(folder, 'card');
  await run('mv', [join(folder, readdirSync(folder).find((name) => name.endsWith('.img')) ?? ''), card]);
  return card;
}

/** @param setup `perch-setup.txt`, as its owner writes it on a computer */
export async function writeSetup(card: string, setup: string): Promise<void> {
  writeFileSync(`${card}.setup`, setup);
  await run('mcopy', ['-i', bootPartition(card), '-o', `${card}.setup`, '::perch-setup.txt']);
}

/** As the firmware reads them: files of the boot partition, each by its own name in the folder. */
export async function readBootFiles(card: string, names: readonly string[], folder: string): Promise<void> {
  for (const name of names) {
    await run('mcopy', ['-n', '-i', bootPartition(card), '-o', `::${name}`, join(folder, name)]);
  }
}
