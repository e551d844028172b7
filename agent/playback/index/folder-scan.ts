import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { codeOf, isDiskFailing } from '../../record/file/disk-fault.ts';
import { type RecordingName, RecordPathPattern } from '../../record/file/record-path.ts';
import { type HasRecorded, templateOverlap } from '../../record/file/template-overlap.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { NamedFile } from './segment-row.ts';

/** Names are inserted in batches, so that other work gets its turn. */
const NAMES_PER_LOT = 1_000;
const DISK_ADVICE = 'mount it, or accept the mounted one with POST /v3/disks/accept';
/** A folder changed this shortly before reading may change again within the same clock tick. */
const UNSETTLED_MS = 2_000;

interface ScanOptions {
  readonly index: SegmentIndex;
  readonly template: string;
  /** All of them: their folders can lie in each other. */
  readonly templates: readonly string[];
  readonly hasRecorded: HasRecorded;
  /** Only folders that can hold recordings of this path, or undefined for all. */
  readonly path?: string;
  readonly zone: string | undefined;
  /** Files that are left out: they have a row already, under another name. */
  readonly isMoving: (file: string) => boolean;
  readonly onGone: (file: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Syncs the names in the index with the folders. Reads only folders with a new mtime: the cost depends on the number of
 * folders, not files, also after a start.
 * @returns whether known recordings were seen, and so their disk
 * @throws PerchError 'unavailable' if the disk of the recordings is missing: known recordings stay in the index
 */
export function scanFolders(options: ScanOptions): Promise<boolean> {
  return new FolderScan(options).run();
}

class FolderScan {
  readonly #options: ScanOptions;
  /** Finds the files of all paths: a folder is read once for all that lie in it. */
  readonly #all: RecordPathPattern;
  readonly #wanted: RecordPathPattern;
  readonly #isOfAnother: ReturnType<typeof templateOverlap>;
  readonly #known: ReadonlyMap<string, number>;
  /** Known folders by the folder that they are in: a folder for each day and camera makes thousands. */
  readonly #children: ReadonlyMap<string, string[]>;
  #failing: string | undefined;

  constructor(options: ScanOptions) {
    const { index, template, templates, hasRecorded, path, zone } = options;
    this.#options = options;
    this.#all = new RecordPathPattern(template, undefined, zone, 'any');
    this.#wanted = path === undefined ? this.#all : new RecordPathPattern(template, path, zone, 'any');
    this.#isOfAnother = templateOverlap(template, templates, hasRecorded, zone);
    this.#known = index.looks.below(template, this.#wanted.folder);
    this.#children = Map.groupBy(this.#known.keys(), (folder) => dirname(folder));
  }

  async run(): Promise<boolean> {
    const isKnown = this.#known.size > 0;
    if (isKnown) {
      await this.#checkDevice().catch((error: unknown) => this.#noteFailing(this.#all.folder, error));
    }
    await this.#visit(this.#wanted.folder, 1);
    if (this.#failing !== undefined) {
      throw failingAt(this.#failing);
    }
    return isKnown;
  }

  /** One folder may be damaged; with a second one the disk is faulty. */
  #noteFailing(folder: string, error: unknown): void {
    if (!isDiskFailing(codeOf(error))) {
      throw error;
    }
    if (this.#failing !== undefined) {
      throw failingAt(this.#all.folder);
    }
    this.#failing = folder;
  }

  /** The mount point of a missing disk is an empty folder or none: its recordings are not deleted. */
  async #checkDevice(): Promise<void> {
    const { index } = this.#options;
    const top = this.#all.folder;
    const [device, seen] = [await deviceAt(top), index.looks.deviceOf(top)];
    if (device === seen) {
      return;
    }
    if (seen !== undefined && !(await this.#isAnythingThere())) {
      throw new PerchError('unavailable', `the disk of ${top} is missing: ${DISK_ADVICE}`, { folder: top });
    }
    index.looks.setDevice(top, device);
  }

  async #isAnythingThere(): Promise<boolean> {
    let tried = 0;
    for (const folder of this.#known.keys()) {
      if (folder !== this.#all.folder) {
        tried += 1;
        if (await statOf(folder)) {
          return true;
        }
      }
      if (tried > 8) {
        break;
      }
    }
    // All files are in one folder: one of them stands for all.
    const [name] = this.#options.index.namesIn(this.#all.folder);
    return name === undefined ? tried === 0 : (await statOf(join(this.#all.folder, name))) !== undefined;
  }

  async #visit(folder: string, level: number): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      await this.#scanFolder(folder, level);
    } catch (error) {
      this.#noteFailing(folder, error);
    }
  }

  async #scanFolder(folder: string, level: number): Promise<void> {
    const found = await statOf(folder);
    if (!found?.isDirectory()) {
      this.#remove(folder);
      return;
    }
    if (this.#known.get(folder) === found.mtimeMs) {
      for (const child of this.#childrenOf(folder)) {
        if (this.#wanted.canHold(basename(child), level)) {
          await this.#visit(child, level + 1);
        }
      }
      return;
    }
    for (const child of await this.#read(folder, level, settled(found.mtimeMs))) {
      await this.#visit(child, level + 1);
    }
  }

  #childrenOf(folder: string): string[] {
    // The root is its own parent.
    return this.#children.get(folder)?.filter((child) => child !== folder) ?? [];
  }

  /** @returns subfolders to visit */
  async #read(folder: string, level: number, mtimeMs: number): Promise<string[]> {
    const { index, template } = this.#options;
    let entries: Dirent[];
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      const code = codeOf(error);
      // Disks have unreadable system folders (`lost+found`).
      if (code === 'ENOENT' || (level > 1 && (code === 'EACCES' || code === 'EPERM'))) {
        return [];
      }
      throw error;
    }
    const gone = index.namesIn(folder);
    const present = new Set<string>();
    let lot: NamedFile[] = [];
    for (const entry of entries) {
      const { name } = entry;
      if (entry.isDirectory()) {
        present.add(join(folder, name));
      } else if (entry.isFile() && !gone.delete(name)) {
        const file = join(folder, name);
        const match = this.#all.match(file);
        if (match && this.#isOwn(file, match) && !this.#options.isMoving(file)) {
          lot.push({ ...match, folder, name });
        }
      }
      if (lot.length >= NAMES_PER_LOT) {
        index.addNames(lot);
        lot = [];
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    index.addNames(lot);
    await this.#removeGone(folder, gone);
    for (const child of this.#childrenOf(folder)) {
      if (!present.has(child)) {
        this.#remove(child);
      }
    }
    index.looks.set(template, folder, mtimeMs);
    await this.#noteDevice();
    return [...present].filter((child) => this.#wanted.canHold(basename(child), level));
  }

  #isOwn(file: string, name: RecordingName): boolean {
    const { template, hasRecorded } = this.#options;
    return !this.#isOfAnother(file, name) || hasRecorded(name.path, template);
  }

  async #noteDevice(): Promise<void> {
    const { index } = this.#options;
    if (index.looks.deviceOf(this.#all.folder) === undefined) {
      index.looks.setDevice(this.#all.folder, await deviceAt(this.#all.folder));
    }
  }

  async #removeGone(folder: string, gone: ReadonlySet<string>): Promise<void> {
    for (const name of gone) {
      const file = join(folder, name);
      // A file created while the folder was read was missed, but exists.
      if (!(await statOf(file))) {
        this.#options.onGone(file);
      }
    }
  }

  #remove(folder: string): void {
    const { index, template, onGone } = this.#options;
    for (const child of this.#childrenOf(folder)) {
      this.#remove(child);
    }
    if (this.#known.has(folder)) {
      for (const name of index.namesIn(folder)) {
        onGone(join(folder, name));
      }
      index.looks.remove(template, folder);
    }
  }
}

const failingAt = (folder: string): PerchError =>
  new PerchError('unavailable', `the disk of ${folder} reports an error: check it and its cable`, { folder });

/** NaN, which equals nothing, for a recently changed folder. */
const settled = (mtimeMs: number): number => (Date.now() - mtimeMs > UNSETTLED_MS ? mtimeMs : Number.NaN);

/** `st_dev` of the folder, or of its nearest existing parent. */
async function deviceAt(folder: string): Promise<number> {
  const found = await statOf(folder);
  return found ? found.dev : folder === dirname(folder) ? 0 : deviceAt(dirname(folder));
}

/** Undefined if not found. */
export async function statOf(file: string): Promise<Stats | undefined> {
  return stat(file).catch((error: unknown) => {
    // A name too long for the disk does not exist on it; it may come from a request.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR' || codeOf(error) === 'ENAMETOOLONG') {
      return undefined;
    }
    throw error;
  });
}
