import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { explain } from '../../base/errors.ts';
import { writeAtomic } from '../../config/file/file.ts';
import { codeOf } from '../file/disk-fault.ts';
import type { DiskLook, DiskPlace } from './disk-probe.ts';

const MAX_FOLDERS = 200;

/** What is remembered of the disk on which a folder's recordings are. */
export interface KnownDisk {
  /** Stands in the folder too. */
  readonly id: string;
  readonly device: number;
  readonly totalBytes: number;
  readonly place: DiskPlace;
}

/**
 * Whether a folder is still on the disk that recordings went to. Device numbers change from one start to the next, so the mark in the
 * folder decides; without it what else is known of the disk.
 *  - `vanished`: a disk that was mounted there is not: what is written now would fill the system's own
 *  - `replaced`: another disk is mounted there: recordings go on, on that one
 */
export type Identity = 'same' | 'replaced' | 'vanished';

export function identityOf(look: DiskLook, known: KnownDisk | undefined): Identity {
  if (!known || look.mark === known.id) {
    return 'same';
  }
  if (look.mark === undefined && look.device === known.device && look.totalBytes === known.totalBytes) {
    return 'same';
  }
  if (look.place === 'mount') {
    return 'replaced';
  }
  // What is left when a disk is not mounted is a folder of the one below. A folder that was there all along was only emptied.
  const isBelow = look.place === 'system' ? known.place !== 'system' : known.place === 'mount';
  return isBelow ? 'vanished' : 'same';
}

/** The disks of the record folders, by folder: a JSON file in the data folder. Without it every disk is taken as it is. */
export class KnownDisks {
  readonly #file: string;
  readonly #onFault: (text: string) => void;
  readonly #write: typeof writeAtomic;
  #disks = new Map<string, KnownDisk>();
  #saving: Promise<void> = Promise.resolve();

  constructor(file: string, onFault: (text: string) => void, write = writeAtomic) {
    this.#file = file;
    this.#onFault = onFault;
    this.#write = write;
  }

  /** Never rejects. */
  async load(): Promise<void> {
    try {
      this.#disks = parseDisks(await readFile(this.#file, 'utf8'));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        this.#onFault(`cannot read ${this.#file}: a disk that is not mounted will not be noticed (${explain(error)})`);
      }
    }
  }

  find(folder: string): KnownDisk | undefined {
    return this.#disks.get(folder);
  }

  /** @returns what is to stand in the folder as its mark */
  async remember(folder: string, { device, totalBytes, place, mark }: DiskLook): Promise<string> {
    const known = this.#disks.get(folder);
    const isSame = known?.device === device && known.totalBytes === totalBytes && known.place === place;
    const id = mark ?? (isSame ? known.id : randomUUID());
    if (isSame && known.id === id) {
      return id;
    }
    this.#disks.delete(folder);
    this.#disks.set(folder, { id, device, totalBytes, place });
    const oldest = this.#disks.keys().next().value;
    if (this.#disks.size > MAX_FOLDERS && oldest !== undefined) {
      this.#disks.delete(oldest);
    }
    await this.#save();
    return id;
  }

  async forget(folder: string): Promise<void> {
    if (this.#disks.delete(folder)) {
      await this.#save();
    }
  }

  #save(): Promise<void> {
    const text = `${JSON.stringify({ version: 1, folders: Object.fromEntries(this.#disks) }, undefined, 1)}\n`;
    this.#saving = this.#saving
      .then(() => this.#write(this.#file, text))
      .catch((error: unknown) => this.#onFault(`cannot write ${this.#file} (${explain(error)})`));
    return this.#saving;
  }
}

/** What is wrong in it is left out. */
function parseDisks(text: string): Map<string, KnownDisk> {
  const { folders } = (JSON.parse(text) ?? {}) as { folders?: unknown };
  const disks = new Map<string, KnownDisk>();
  for (const [folder, value] of Object.entries((folders ?? {}) as Record<string, unknown>).slice(0, MAX_FOLDERS)) {
    const { id, device, totalBytes, place } = (value ?? {}) as Record<string, unknown>;
    const isPlace = place === 'system' || place === 'data' || place === 'mount';
    if (typeof id === 'string' && typeof device === 'number' && typeof totalBytes === 'number' && isPlace) {
      disks.set(folder, { id, device, totalBytes, place });
    }
  }
  return disks;
}
