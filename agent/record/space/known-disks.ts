import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { putBounded } from '../../base/bounded-map.ts';
import { explain } from '../../base/errors.ts';
import { writeAtomic } from '../../config/file/file.ts';
import { codeOf } from '../file/disk-fault.ts';
import type { DiskPlace, DiskReading } from './disk-probe.ts';
import type { FlushDays } from './flush-age.ts';

const MAX_FOLDERS = 200;

export interface KnownDisk {
  /** The id that is also in the folder's mark. */
  readonly id: string;
  readonly device: number;
  readonly totalBytes: number;
  readonly place: DiskPlace;
  readonly flushDays?: FlushDays;
}

/**
 * Whether a folder is still on its recording disk. Device numbers change between starts, so the mark decides; without a
 * mark the device and its size do.
 * - `vanished`: the mounted disk is gone; writing would fill the system's disk
 * - `replaced`: another disk is mounted; recording continues on it
 */
export type Identity = 'same' | 'replaced' | 'vanished';

export function identityOf(reading: DiskReading, known: KnownDisk | undefined): Identity {
  if (!known || reading.mark === known.id) {
    return 'same';
  }
  if (reading.mark === undefined && reading.device === known.device && reading.totalBytes === known.totalBytes) {
    return 'same';
  }
  if (reading.place === 'mount') {
    return 'replaced';
  }
  // Without its disk, a mount point is a folder of the disk below. A folder that never was a mount point has only been emptied.
  const isBelow = reading.place === 'system' ? known.place !== 'system' : known.place === 'mount';
  return isBelow ? 'vanished' : 'same';
}

/** The recording disks by folder: a JSON file in the data folder. Without it every disk is accepted. */
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
        this.#onFault(`cannot read ${this.#file}: an unmounted disk will not be noticed (${explain(error)})`);
      }
    }
  }

  find(folder: string): KnownDisk | undefined {
    return this.#disks.get(folder);
  }

  /** @returns the mark for the folder */
  async remember(folder: string, { device, totalBytes, place, mark }: DiskReading): Promise<string> {
    const known = this.#disks.get(folder);
    const isSame = known?.device === device && known.totalBytes === totalBytes && known.place === place;
    const id = mark ?? (isSame ? known.id : randomUUID());
    if (isSame && known.id === id) {
      return id;
    }
    const days = known?.id === id ? known.flushDays : undefined;
    putBounded(this.#disks, folder, { id, device, totalBytes, place, ...(days && { flushDays: days }) }, MAX_FOLDERS);
    await this.#save();
    return id;
  }

  /** Saves the flush times of a known folder, and ignores an unknown one. */
  async keepFlushDays(folder: string, flushDays: FlushDays): Promise<void> {
    const known = this.#disks.get(folder);
    if (known) {
      this.#disks.set(folder, { ...known, flushDays });
      await this.#save();
    }
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

/** Skips invalid entries. */
function parseDisks(text: string): Map<string, KnownDisk> {
  const { folders } = (JSON.parse(text) ?? {}) as { folders?: unknown };
  const disks = new Map<string, KnownDisk>();
  for (const [folder, value] of Object.entries((folders ?? {}) as Record<string, unknown>).slice(0, MAX_FOLDERS)) {
    const { id, device, totalBytes, place, flushDays } = (value ?? {}) as Record<string, unknown>;
    const isPlace = place === 'system' || place === 'data' || place === 'mount';
    if (typeof id === 'string' && typeof device === 'number' && typeof totalBytes === 'number' && isPlace) {
      const days = parseFlushDays(flushDays);
      disks.set(folder, { id, device, totalBytes, place, ...(days && { flushDays: days }) });
    }
  }
  return disks;
}

function parseFlushDays(value: unknown): FlushDays | undefined {
  const { first, latest } = (value ?? {}) as Record<string, unknown>;
  const isList = (list: unknown): list is number[] =>
    Array.isArray(list) && list.length <= 100 && list.every((one) => typeof one === 'number' && one >= 0);
  return isList(first) && isList(latest) ? { first, latest } : undefined;
}
