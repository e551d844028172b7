import { execFile } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAX_FILE_BYTES } from './settings.ts';

const run = promisify(execFile);

/** As shipped, and what editors that hide or choose endings make of it. */
const NAMES = ['perch-setup.txt', 'perch-setup.txt.txt', 'perch-setup.yml'];
const RESULT = 'perch-setup-result.txt';

interface SetupFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The one part of the card that a phone or a computer can write. */
export class BootPartition {
  readonly #folder: string;
  readonly #template: string;
  readonly #mount: (how: 'rw' | 'ro') => Promise<unknown>;

  /** @param template the file as it is shipped */
  constructor(folder: string, template: string, mount: (how: 'rw' | 'ro') => Promise<unknown> = remount(folder)) {
    this.#folder = folder;
    this.#template = template;
    this.#mount = mount;
  }

  async setupFiles(): Promise<readonly SetupFile[]> {
    const found: SetupFile[] = [];
    for (const name of NAMES) {
      const path = join(this.#folder, name);
      const status = await stat(path).catch(() => undefined);
      if (status?.isFile() === true) {
        found.push({ path, bytes: await firstBytes(path) });
      }
    }
    return found;
  }

  /**
   * The result is written first: whatever happens then, the owner reads what has become of it.
   * @param files that become what they were when they were shipped, without a secret in them
   */
  async finish(result: string, files: readonly SetupFile[]): Promise<void> {
    await this.#mount('rw');
    try {
      const file = join(this.#folder, RESULT);
      await writeFile(`${file}.new`, result.replaceAll('\n', '\r\n'), { flush: true });
      await rename(`${file}.new`, file);
      for (const { path } of files) {
        await overwrite(path);
        await writeFile(path, await readFile(this.#template), { flush: true });
      }
    } finally {
      await this.#mount('ro');
    }
  }
}

/** One byte more than is taken, so that a larger file is seen to be too large. */
async function firstBytes(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_FILE_BYTES + 1), 0, MAX_FILE_BYTES + 1, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** FAT leaves the text of a file that is replaced or made shorter where it was: it is written over in place. */
async function overwrite(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const blank = Buffer.alloc(Math.min(size, 65_536), '\n');
    for (let at = 0; at < size; at += blank.length) {
      await handle.write(blank, 0, Math.min(blank.length, size - at), at);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const remount = (folder: string) => (how: 'rw' | 'ro') => run('mount', ['-o', `remount,${how}`, folder]);
