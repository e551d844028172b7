import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, rmSync, statfsSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkNewer,
  damaged,
  debName,
  isSystem,
  MAX_UPDATE_BYTES,
  type Manifest,
  type PackageName,
  type UpdatePackage,
} from '../update/manifest.ts';
import { refusal } from '../update/reasons.ts';
import { readUpdate } from '../update/update-file.ts';
import { isId } from './journal.ts';
import { MAX_REQUEST_BYTES, type Watched, watchedIn } from './watched.ts';

/** Written by the agent into its data folder, and so by an attacker who controls the agent. */
const REQUEST = 'update.json';
const UPDATE = 'update.perchupdate';
const PIECE_BYTES = 65_536;
/** Factors of a package's size. A Node is compressed to a quarter, and kept with less compression once its files were copied. */
const OWN_FACTOR = 7;
/** dpkg unpacks next to the files that it replaces. */
const SYSTEM_FACTOR = 5;

export interface UpdateRequest extends Watched {
  readonly id: string;
}

/**
 * The folder of requests belongs to the agent, which may place a link anywhere in it and change it at any time: it is
 * opened once, and its files are reached through that handle.
 */
export class RequestFolder implements Disposable {
  readonly #handle: number;

  /** @throws if it is a link or not a folder */
  constructor(folder: string) {
    this.#handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  /**
   * Takes the request out of the folder. @returns undefined if the agent has withdrawn it; other files then belong to
   * the next one
   */
  takeRequest(): UpdateRequest | 'wrong' | undefined {
    let text = '';
    try {
      text = this.#readText();
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') {
        return undefined;
      }
    }
    this.#remove(REQUEST);
    return parseRequest(text) ?? 'wrong';
  }

  /** The caller closes it. @throws PerchError badInput if it is not a file, or too large */
  openUpdate(): number {
    const handle = this.#open(UPDATE);
    const status = fstatSync(handle);
    if (status.isFile() && status.size <= MAX_UPDATE_BYTES) {
      return handle;
    }
    closeSync(handle);
    throw damaged(`${UPDATE} is not a file of at most ${MAX_UPDATE_BYTES} bytes`);
  }

  removeUpdate(): void {
    this.#remove(UPDATE);
  }

  [Symbol.dispose](): void {
    closeSync(this.#handle);
  }

  #path(name: string): string {
    return `/proc/self/fd/${this.#handle}/${name}`;
  }

  /** A pipe would block. */
  #open(name: string): number {
    return openSync(this.#path(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  #readText(): string {
    const handle = this.#open(REQUEST);
    try {
      const bytes = Buffer.alloc(MAX_REQUEST_BYTES + 1);
      const length = fstatSync(handle).isFile() ? readSync(handle, bytes) : bytes.length;
      return length > MAX_REQUEST_BYTES ? '' : bytes.toString('utf8', 0, length);
    } finally {
      closeSync(handle);
    }
  }

  /** Whatever it is: while a file has a request's name, systemd starts the service again at once. */
  #remove(name: string): void {
    if (lstatSync(this.#path(name), { throwIfNoEntry: false })?.isDirectory()) {
      // Walks by open folders: Node opens by path, and the agent may place links there meanwhile.
      execFileSync('rm', ['-rf', '--one-file-system', '--', name], { cwd: `/proc/self/fd/${this.#handle}` });
    } else {
      rmSync(this.#path(name), { force: true });
    }
  }
}

/** @returns undefined when it is not a request */
export function parseRequest(text: string): UpdateRequest | undefined {
  try {
    const { id, host, port, folders } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const watched = watchedIn({ host, port, folders });
    return watched && isId(id) ? { id, ...watched } : undefined;
  } catch {
    return undefined;
  }
}

interface InstalledVersions {
  /** Debian's name of the box's architecture. */
  readonly architecture: string;
  versionOf(name: PackageName): Promise<string | undefined>;
}

interface TakenUpdate {
  readonly manifest: Manifest;
  /** The packages for this box: their files lie in `work`. */
  readonly packages: readonly UpdatePackage[];
}

/**
 * Reads and checks the update once, and keeps the packages for this box in a folder where only root writes: what
 * was checked is installed.
 * @param requests holds the update @param work is emptied @param system where dpkg unpacks
 * @throws PerchError badInput, exhausted
 */
export async function takeUpdate(
  requests: Pick<RequestFolder, 'openUpdate'>,
  { work, system }: { readonly work: string; readonly system: string },
  keys: readonly KeyObject[],
  installed: InstalledVersions,
): Promise<TakenUpdate> {
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  const names = new Set<PackageName>();
  const writers = new Map<UpdatePackage, FileHandle>();
  const isFor = ({ name, architecture }: UpdatePackage) =>
    names.has(name) && (architecture === 'all' || architecture === installed.architecture);
  const update = requests.openUpdate();
  try {
    const manifest = await readUpdate(piecesOf(update), keys, {
      begin: async (found) => {
        if (isSystem(found)) {
          throw damaged('this is a system of the image');
        }
        for (const name of ['perch', 'perch-node'] as const) {
          // A box with its own Node keeps it.
          if ((await installed.versionOf(name)) !== undefined) {
            names.add(name);
          }
        }
        checkNewer(found, await installed.versionOf('perch'));
        checkRoom(work, system, found.packages.filter(isFor));
        return found;
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
    closeSync(update);
    for (const writer of writers.values()) {
      await writer.close();
    }
  }
}

/** Called at once each, so that a file is never closed while it is read. */
export async function* piecesOf(file: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const bytes = Buffer.allocUnsafe(PIECE_BYTES);
    const length = readSync(file, bytes);
    if (length === 0) {
      return;
    }
    yield bytes.subarray(0, length);
  }
}

type SizedPackage = Pick<UpdatePackage, 'sizeBytes'>;

/** Free space in the updater's folder, and where dpkg unpacks. */
export function roomNeeded(packages: readonly SizedPackage[]): { readonly own: number; readonly system: number } {
  const bytes = packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { own: bytes * OWN_FACTOR, system: bytes * SYSTEM_FACTOR };
}

/** On the image these are two disks. */
function checkRoom(work: string, system: string, packages: readonly SizedPackage[]): void {
  const needed = roomNeeded(packages);
  const isOne = statSync(work).dev === statSync(system).dev;
  const apart = [
    { folder: work, bytes: needed.own },
    { folder: system, bytes: needed.system },
  ];
  const rooms = isOne ? [{ folder: work, bytes: needed.own + needed.system }] : apart;
  for (const { folder, bytes } of rooms) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < bytes) {
      const message = `the update needs ${bytes} bytes on the disk of ${folder}, ${bavail * bsize} are free`;
      throw refusal('exhausted', message, 'room');
    }
  }
}
