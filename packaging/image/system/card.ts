import { execFile } from 'node:child_process';
import { type FileHandle, open, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CHOICE, SECTOR_BYTES } from './choice.ts';
import type { Place, SystemDisk } from './write-system.ts';

const run = promisify(execFile);
const BLOCKS = '/sys/class/block';
/** Partition numbers of the two systems (disk.ts). */
const PARTITIONS = { a: 2, b: 3 } as const;

/** Opens the disk that has the root file system. */
export async function openCard(): Promise<SystemDisk & AsyncDisposable> {
  const { stdout } = await run('findmnt', ['--noheadings', '--output', 'SOURCE', '/']);
  const disk = dirname(await realpath(join(BLOCKS, basename(stdout.trim()))));
  await using opened = new AsyncDisposableStack();
  const place = async (name: string, more: { readonly at?: number; readonly sizeBytes?: number } = {}) => {
    const handle = opened.use(await open(`/dev/${name}`, 'r+'));
    const sectors = Number(await readFile(join(BLOCKS, name, 'size'), 'utf8'));
    return new BlockPlace(handle, `/dev/${name}`, more.at ?? 0, more.sizeBytes ?? sectors * SECTOR_BYTES);
  };
  const whole = basename(disk);
  const separator = /\d$/.test(whole) ? 'p' : '';
  const found = {
    choice: await place(whole, { at: CHOICE.sector * SECTOR_BYTES, sizeBytes: SECTOR_BYTES }),
    systems: {
      a: await place(`${whole}${separator}${PARTITIONS.a}`),
      b: await place(`${whole}${separator}${PARTITIONS.b}`),
    },
  };
  const kept = opened.move();
  return { ...found, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

class BlockPlace implements Place {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #device: string;
  readonly #at: number;

  constructor(handle: FileHandle, device: string, at: number, sizeBytes: number) {
    this.#handle = handle;
    this.#device = device;
    this.#at = at;
    this.sizeBytes = sizeBytes;
  }

  async read(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, this.#at + at + done);
      if (bytesRead === 0) {
        throw new Error(`${this.#device} ends at ${this.#at + at + done}`);
      }
      done += bytesRead;
    }
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done, bytes.length - done, this.#at + at + done)).bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
    // Reads come from the disk then, not from memory.
    await run('blockdev', ['--flushbufs', this.#device]);
  }
}
