import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';

/** A folder on a separate ext4 file system in a file; without the right to mount one, on the temporary folder's. */
export interface LoopDisk extends AsyncDisposable {
  readonly folder: string;
  readonly isOwn: boolean;
  /** Cache flushes that the device has received. */
  flushes(): number;
  /** That the device has received. */
  writtenBytes(): number;
}

export async function mountLoopDisk(megabytes: number): Promise<LoopDisk> {
  const home = mkdtempSync(join(tmpdir(), 'perch-disk-'));
  const [image, folder] = [join(home, 'image'), join(home, 'disk')];
  const make = `truncate -s ${megabytes}M ${image} && mkfs.ext4 -q -F ${image} && mkdir ${folder}`;
  const made = await runProcess('sh', ['-c', make]);
  if (made.code !== 0) {
    throw new Error(`cannot make an ext4 file system: ${made.output}`);
  }
  const isOwn = (await runProcess('mount', ['-o', 'loop', image, folder])).code === 0;
  const { dev } = statSync(folder);
  return {
    folder,
    isOwn,
    flushes: () => countOf(dev, 16),
    writtenBytes: () => countOf(dev, 7) * SECTOR_BYTES,
    async [Symbol.asyncDispose]() {
      if (isOwn) {
        await runProcess('umount', [folder]);
      }
      rmSync(home, { recursive: true });
    },
  };
}

const SECTOR_BYTES = 512;

/** Linux, Documentation/block/stat.rst. @param device `st_dev` of a small minor number @param field the first is 1 */
function countOf(device: number, field: number): number {
  const text = readFileSync(`/sys/dev/block/${device >> 8}:${device & 0xff}/stat`, 'utf8');
  return Number(text.trim().split(/\s+/)[field - 1]);
}
