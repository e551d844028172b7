import { execFile } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAX_FILE_BYTES } from './settings.ts';

const run = promisify(execFile);

/** Names of the setup file as shipped, and as editors rename it. */
const NAMES = ['perch-setup.txt', 'perch-setup.txt.txt', 'perch-setup.yml'] as const;
const RESULT = 'perch-setup-result.txt';

interface SetupFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The only part of the card that phones and computers can write. */
export class BootPartition {
  readonly #folder: string;
  readonly #template: () => Promise<string>;
  readonly #mount: (how: 'rw' | 'ro') => Promise<unknown>;

  /** @param template the setup file without settings */
  constructor(
    folder: string,
    template: () => Promise<string>,
    mount: (how: 'rw' | 'ro') => Promise<unknown> = remount(folder),
  ) {
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
   * Writes the result first, so that the owner gets it in any case.
   * @param files replaced by the shipped one, without secrets
   */
  async finish(result: string, files: readonly SetupFile[]): Promise<void> {
    await this.#mount('rw');
    try {
      const file = join(this.#folder, RESULT);
      await writeFile(`${file}.new`, result.replaceAll('\n', '\r\n'), { flush: true });
      await rename(`${file}.new`, file);
      for (const { path } of files) {
        await overwrite(path);
        await writeFile(path, await this.#template(), { flush: true });
      }
    } finally {
      await this.#mount('ro');
    }
  }

  /** @param shipped replaced by the setup file without settings, which names the access point */
  async replaceShipped(shipped: string): Promise<void> {
    const file = join(this.#folder, NAMES[0]);
    if ((await readFile(file, 'utf8')) !== shipped) {
      return;
    }
    await this.#mount('rw');
    try {
      await writeFile(`${file}.new`, await this.#template(), { flush: true });
      await rename(`${file}.new`, file);
    } finally {
      await this.#mount('ro');
    }
  }
}

/** One byte above the limit, so that a larger file is detected. */
async function firstBytes(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0).finally(() => handle.close());
  return bytes.subarray(0, bytesRead);
}

/** FAT keeps the old text of replaced and truncated files: overwrites it in place. */
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
