import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../programs/process.ts';

/** A disk of a few megabytes in memory, mounted for a test. */
export interface SmallDisk extends AsyncDisposable {
  /** Its mount point. */
  readonly folder: string;
  /** @param options as of `mount -o` */
  remount(options: string): Promise<void>;
  unmount(): Promise<void>;
  /** Mounts at the same mount point. */
  mount(): Promise<void>;
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { code, output } = await runProcess(command, args);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${output}`);
  }
}

/** Needs root. It can be detached while files are open, like a cable; its content survives. */
export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const store = mkdtempSync(join(tmpdir(), 'perch-disk-'));
  const folder = mkdtempSync(join(tmpdir(), 'perch-mount-'));
  await run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'perch-test', store);
  const mount = () => run('mount', '--bind', store, folder);
  await mount();
  let isMounted = true;
  return {
    folder,
    remount: (options) => run('mount', '-o', `remount,bind,${options}`, folder),
    unmount: async () => {
      isMounted = false;
      await run('umount', '-l', folder);
    },
    mount: async () => {
      await mount();
      isMounted = true;
    },
    async [Symbol.asyncDispose]() {
      if (isMounted) {
        await run('umount', '-l', folder);
      }
      await run('umount', '-l', store);
      await runProcess('rm', ['-rf', folder]);
      rmdirSync(store);
    },
  };
}
