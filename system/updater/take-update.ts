import type { KeyObject } from 'node:crypto';
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, rmSync, statfsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isAbsolute, join, normalize } from 'node:path';
import {
  checkNewer,
  damaged,
  debName,
  type Manifest,
  MOST_UPDATE_BYTES,
  type PackageName,
  type UpdatePackage,
} from '../update/manifest.ts';
import { refusal } from '../update/reasons.ts';
import { readUpdate } from '../update/update-file.ts';
import type { Watched } from './journal.ts';

/** The agent writes these into its data folder. Whoever has taken the agent over does so, too. */
const REQUEST = 'update.json';
const UPDATE = 'update.perchupdate';
const MOST_REQUEST_BYTES = 4_096;
const MOST_FOLDERS = 8;
const MOST_FOLDER_CHARS = 512;
/** Beside the packages themselves: what is kept of the version before, and what dpkg unpacks. A Node is packed to a quarter. */
const ROOM_FACTORS: Readonly<Record<PackageName, number>> = { perch: 5, 'perch-node': 12 };

export interface UpdateRequest extends Watched {
  readonly id: string;
}

/**
 * The folder of requests belongs to the agent, who may put a link anywhere in it and change it at any time: it is opened once,
 * and what lies in it is reached through what was opened.
 */
export class RequestFolder implements Disposable {
  readonly #handle: number;

  /** @throws when it is not a folder of its own */
  constructor(folder: string) {
    this.#handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  /** The request, which is gone then. @returns undefined where it is none */
  takeRequest(): UpdateRequest | undefined {
    try {
      return parseRequest(this.#readText());
    } finally {
      rmSync(this.#path(REQUEST), { force: true });
    }
  }

  /** @throws PerchError badInput where it is no file, or too large */
  openUpdate(): number {
    const handle = this.#open(UPDATE);
    const status = fstatSync(handle);
    if (status.isFile() && status.size <= MOST_UPDATE_BYTES) {
      return handle;
    }
    closeSync(handle);
    throw damaged(`${UPDATE} is no file of at most ${MOST_UPDATE_BYTES} bytes`);
  }

  removeUpdate(): void {
    rmSync(this.#path(UPDATE), { force: true });
  }

  [Symbol.dispose](): void {
    closeSync(this.#handle);
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#handle}/${name}`;
  }

  /** A pipe in its place would hold everything up. */
  #open(name: string): number {
    return openSync(this.#path(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  #readText(): string {
    const handle = this.#open(REQUEST);
    try {
      const bytes = Buffer.alloc(MOST_REQUEST_BYTES + 1);
      const length = fstatSync(handle).isFile() ? readSync(handle, bytes) : bytes.length;
      return length > MOST_REQUEST_BYTES ? '' : bytes.toString('utf8', 0, length);
    } finally {
      closeSync(handle);
    }
  }
}

/** @returns undefined for what is no request */
export function parseRequest(text: string): UpdateRequest | undefined {
  try {
    const { id, host, port, folders } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const isId = typeof id === 'string' && /^[0-9a-f]{32}$/.test(id);
    const isHost = typeof host === 'string' && isIP(host) !== 0;
    const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
    const areFolders = Array.isArray(folders) && folders.length <= MOST_FOLDERS && folders.every(isFolder);
    return isId && isHost && isPort && areFolders ? { id, host, port, folders } : undefined;
  } catch {
    return undefined;
  }
}

const isFolder = (value: unknown): boolean =>
  typeof value === 'string' &&
  value.length <= MOST_FOLDER_CHARS &&
  isAbsolute(value) &&
  normalize(value) === value &&
  !value.includes('\0');

export interface InstalledVersions {
  /** Debian's name of it. */
  readonly architecture: string;
  versionOf(name: PackageName): Promise<string | undefined>;
}

export interface TakenUpdate {
  readonly manifest: Manifest;
  /** Those for this machine: their files lie in `work`. */
  readonly packages: readonly UpdatePackage[];
}

/**
 * Reads the update once, checking it on the way, and keeps the packages for this machine in a folder where only root writes: what
 * has been checked is what is installed.
 *
 * @param update an open file @param work is emptied
 * @throws PerchError badInput, exhausted
 */
export async function takeUpdate(
  update: number,
  work: string,
  keys: readonly KeyObject[],
  installed: InstalledVersions,
): Promise<TakenUpdate> {
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  const names = new Set<PackageName>();
  const writers = new Map<UpdatePackage, FileHandle>();
  const isFor = ({ name, architecture }: UpdatePackage) =>
    names.has(name) && (architecture === 'all' || architecture === installed.architecture);
  try {
    const manifest = await readUpdate(createReadStream('', { fd: update, autoClose: false }), keys, {
      begin: async (found) => {
        for (const name of ['perch', 'perch-node'] as const) {
          // A machine with a Node of its own keeps that.
          if ((await installed.versionOf(name)) !== undefined) {
            names.add(name);
          }
        }
        checkNewer(found, await installed.versionOf('perch'));
        checkRoom(work, found.packages.filter(isFor));
      },
      take: async (bytes, one) => {
        if (isFor(one)) {
          const writer = writers.get(one) ?? (await open(join(work, debName(one)), 'wx', 0o600));
          writers.set(one, writer);
          await writer.writeFile(bytes);
        }
      },
    });
    for (const writer of writers.values()) {
      await writer.sync();
    }
    return { manifest, packages: manifest.packages.filter(isFor) };
  } finally {
    for (const writer of writers.values()) {
      await writer.close();
    }
  }
}

export const roomNeeded = (packages: readonly Pick<UpdatePackage, 'name' | 'sizeBytes'>[]): number =>
  packages.reduce((sum, { name, sizeBytes }) => sum + sizeBytes * ROOM_FACTORS[name], 0);

function checkRoom(folder: string, packages: readonly UpdatePackage[]): void {
  const { bavail, bsize } = statfsSync(folder);
  const needed = roomNeeded(packages);
  if (bavail * bsize < needed) {
    throw refusal('exhausted', `the update needs ${needed} bytes on the disk, ${bavail * bsize} are free`, 'room');
  }
}
