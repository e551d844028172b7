import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';

/** An ext4 file system in a file: a disk that can give itself up and be pulled out while files on it are open. */
export interface ImageDisk extends AsyncDisposable {
  readonly folder: string;
  /** Reaction of the kernel to a damaged ext4. */
  abort(): Promise<void>;
  pull(): Promise<void>;
  /** Checked as at a start of the machine, and mounted again. */
  putBack(): Promise<void>;
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess(command, args);
  // e2fsck returns 1 after a repair.
  if (code !== 0 && !(command === 'e2fsck' && code === 1)) {
    throw new Error(`${command} ${args.join(' ')}: ${output}`);
  }
}

/** Needs root. */
export async function imageDisk(megabytes: number): Promise<ImageDisk> {
  const home = mkdtempSync(join(tmpdir(), 'perch-image-'));
  const [image, folder] = [join(home, 'image'), join(home, 'disk')];
  await run('truncate', '-s', `${megabytes}M`, image);
  await run('mkfs.ext4', '-q', '-F', image);
  await run('mkdir', folder);
  const mount = () => run('mount', '-o', 'loop', image, folder);
  await mount();
  let isMounted = true;
  const pull = async () => {
    isMounted = false;
    await run('umount', '-l', folder);
  };
  return {
    folder,
    abort: () => run('mount', '-o', 'remount,abort', folder),
    pull,
    putBack: async () => {
      await run('e2fsck', '-p', image);
      await mount();
      isMounted = true;
    },
    async [Symbol.asyncDispose]() {
      if (isMounted) {
        await pull();
      }
      rmSync(home, { recursive: true });
    },
  };
}
