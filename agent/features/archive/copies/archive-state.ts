import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { loadPrivate, savePrivate } from '../../../base/files/durable-file.ts';

/** File of the state in the data folder. */
export const ARCHIVE_FILE = 'archive.json';

interface UnfinishedUpload {
  readonly key: string;
  /** Upload ID of S3; in a folder, the name of the unfinished copy. */
  readonly uploadId: string;
}

interface StoredState {
  /** Id of this box in every archive. */
  readonly id: string;
  /** The archive's place as `placeOf` names it; empty: none yet. */
  readonly place: string;
  /** Whether the box's folder in the archive has its mark. */
  readonly isMarked: boolean;
  /** Whether the ledger has everything that the archive has of this box. */
  readonly isListed: boolean;
  readonly upload?: UnfinishedUpload | undefined;
  /** Keys of recordings that were deleted by hand while they were sent. The archive may have copies. */
  readonly unwanted?: readonly string[] | undefined;
}

export const isBoxId = (text: string): boolean => /^[0-9a-f]{12}$/.test(text);

/** A checked stored state, or undefined if it is damaged. */
export function readArchiveState(stored: unknown): StoredState | undefined {
  const { id, place, isMarked, isListed, upload, unwanted } = (stored ?? {}) as Partial<StoredState>;
  const isWhole =
    typeof id === 'string' &&
    isBoxId(id) &&
    typeof place === 'string' &&
    typeof isMarked === 'boolean' &&
    typeof isListed === 'boolean' &&
    (upload === undefined || (typeof upload?.key === 'string' && typeof upload.uploadId === 'string')) &&
    (unwanted === undefined || (Array.isArray(unwanted) && unwanted.every((key) => typeof key === 'string')));
  return isWhole ? { id, place, isMarked, isListed, upload, unwanted } : undefined;
}

/** The state that a power cut must not lose, in one small file. */
export class ArchiveState {
  readonly #file: string;
  #now: StoredState;
  #saving: Promise<unknown> = Promise.resolve();

  private constructor(file: string, now: StoredState) {
    this.#file = file;
    this.#now = now;
  }

  /** @throws PerchError for a damaged file: a new id would archive everything again */
  static async open(dataDir: string): Promise<ArchiveState> {
    return (await ArchiveState.find(dataDir)) ?? ArchiveState.create(dataDir, randomBytes(6).toString('hex'));
  }

  /** Creates the state of a box that has archived nothing yet. @param id of this box in every archive */
  static async create(dataDir: string, id: string): Promise<ArchiveState> {
    const fresh = new ArchiveState(join(dataDir, ARCHIVE_FILE), { id, place: '', isMarked: false, isListed: false });
    await fresh.#save();
    return fresh;
  }

  /** The stored state, if there is one. @throws PerchError for a damaged file */
  static async find(dataDir: string): Promise<ArchiveState | undefined> {
    const file = join(dataDir, ARCHIVE_FILE);
    const stored = await loadPrivate(file);
    if (stored === undefined) {
      return undefined;
    }
    const now = readArchiveState(stored);
    if (!now) {
      throw new PerchError('unavailable', `${file} is damaged: restore it from a backup, or delete it to start over`);
    }
    return new ArchiveState(file, now);
  }

  get now(): StoredState {
    return this.#now;
  }

  async change(changed: Partial<Omit<StoredState, 'id'>>): Promise<void> {
    this.#now = { ...this.#now, ...changed };
    await this.#save();
  }

  /** One after the other: recordings are deleted by hand while an upload changes the state. */
  #save(): Promise<void> {
    const saved = this.#saving.then(() => savePrivate(this.#file, this.#now));
    this.#saving = saved.catch(() => {});
    return saved;
  }
}
