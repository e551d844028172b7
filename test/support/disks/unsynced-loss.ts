import files, { constants, type PathLike } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';

/** Loss of unsynced data in a power cut. */
export type Loss = 'nothing' | 'contents' | 'names' | 'contents and names';
export const LOSSES: readonly Loss[] = ['nothing', 'contents', 'names', 'contents and names'];

export class PowerCut extends Error {}

interface Renaming {
  /** Folder whose sync makes the renaming permanent. */
  readonly folder: string;
  undo(): void;
}

/**
 * A disk whose power can be cut before anything that a program does to it. Afterwards nothing can be done until it is switched on
 * again; then the disk is as POSIX allows it to be: files whose contents were not synced are empty, and names that were
 * changed in a folder that was not synced are what they were.
 */
export class PowerCuts implements Disposable {
  /** Number of operations until the power is cut. */
  left = Number.POSITIVE_INFINITY;
  happened = 0;
  readonly #begins: readonly string[];
  readonly #real = { ...files };
  readonly #realPromises = { ...promises };
  #isOff = false;
  #restore = (): void => {};
  readonly #open = new Map<number, string>();
  readonly #unsynced = new Set<string>();
  #renamings: Renaming[] = [];

  /** @param begins of the paths that lie on it */
  constructor(...begins: readonly string[]) {
    this.#begins = begins;
    const [synchronous, asynchronous] = [this.#synchronous(), this.#asynchronous()];
    const former = [pick(files, synchronous), pick(promises, asynchronous)] as const;
    Object.assign(files, synchronous);
    Object.assign(promises, asynchronous);
    syncBuiltinESMExports();
    this.#restore = () => {
      Object.assign(files, former[0]);
      Object.assign(promises, former[1]);
      syncBuiltinESMExports();
    };
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  get isCut(): boolean {
    return this.left < 0;
  }

  /** Counts an operation of the machine, on the disk or elsewhere. @throws PowerCut once the power is off */
  happens(): void {
    this.left -= 1;
    if (this.isCut) {
      throw new PowerCut('the power is cut');
    }
    this.happened += 1;
  }

  /** As `sync` does. */
  syncAll(): void {
    this.#unsynced.clear();
    this.#renamings = [];
  }

  switchOn(loss: Loss): void {
    this.#isOff = true;
    if (loss.endsWith('names')) {
      for (const renaming of this.#renamings.reverse()) {
        renaming.undo();
      }
    }
    if (loss.startsWith('contents')) {
      for (const file of this.#unsynced) {
        if (this.#real.existsSync(file)) {
          this.#real.truncateSync(file);
        }
      }
    }
    this.syncAll();
    this.left = Number.POSITIVE_INFINITY;
    this.#isOff = false;
  }

  #isHere(path: unknown): path is string {
    const isText = typeof path === 'string' && !this.#isOff;
    return isText && [...this.#begins, '/proc/self/fd/'].some((begin) => path.startsWith(begin));
  }

  #synchronous(): Partial<typeof files> {
    const real = this.#real;
    /** @param then its former content */
    const before =
      <A extends readonly [unknown, ...unknown[]], R>(work: (...given: A) => R, then?: (...given: A) => void) =>
      (...given: A): R => {
        if (this.#isHere(given[0]) || this.#open.has(given[0] as number)) {
          this.happens();
          then?.(...given);
        }
        return work(...given);
      };
    return {
      mkdirSync: before(real.mkdirSync) as typeof real.mkdirSync,
      writeFileSync: before(real.writeFileSync, (file) => void this.#unsynced.add(String(file))),
      copyFileSync: before(real.copyFileSync, (_from, to) => void this.#unsynced.add(String(to))),
      renameSync: before(real.renameSync, (from, to) => this.#renamed(String(from), String(to))),
      rmSync: before(real.rmSync, (file) => this.#removed(String(file))),
      writeSync: before(real.writeSync as (handle: number) => number, (handle) => {
        this.#unsynced.add(this.#open.get(handle) ?? '');
      }) as typeof real.writeSync,
      // Only changes this simulation: a real sync would take long.
      fsyncSync: before(
        (_handle: number) => {},
        (handle) => this.#synced(this.#open.get(handle) ?? ''),
      ),
      openSync: (file: PathLike, ...more) => {
        if (this.#isHere(file) && more[0] === 'w') {
          this.happens();
          this.#unsynced.add(file);
        }
        const handle = real.openSync(file, ...more);
        if (this.#isHere(file)) {
          this.#open.set(handle, file);
        }
        return handle;
      },
      closeSync: (handle) => {
        this.#open.delete(handle);
        real.closeSync(handle);
      },
    };
  }

  #asynchronous(): Partial<typeof promises> {
    const { mkdir, rename, rm, open, link, unlink, rmdir, copyFile } = this.#realPromises;
    const happens = (path: unknown, then = (_path: string) => {}): void => {
      if (this.#isHere(path)) {
        this.happens();
        then(path);
      }
    };
    return {
      mkdir: (async (path: PathLike, ...more: []) => {
        happens(path);
        return mkdir(path, ...more);
      }) as typeof mkdir,
      rename: async (from, to) => {
        happens(from, (file) => this.#renamed(file, String(to)));
        return rename(from, to);
      },
      link: async (from, to) => {
        happens(to);
        await link(from, to);
        this.#made(String(to));
      },
      unlink: async (path) => {
        happens(path, (file) => this.#removed(file));
        return unlink(path);
      },
      rmdir: async (path) => {
        happens(path, (file) => this.#removed(file));
        return rmdir(path);
      },
      copyFile: async (from, to, ...more) => {
        happens(to, (file) => void this.#unsynced.add(file));
        return copyFile(from, to, ...more);
      },
      rm: async (path, ...more) => {
        happens(path, (file) => this.#removed(file));
        return rm(path, ...more);
      },
      open: async (path, ...more) => {
        const [flags = 'r'] = more;
        const isWritten =
          typeof flags === 'number' ? (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0 : flags !== 'r';
        happens(path, (file) => void (isWritten && this.#unsynced.add(file)));
        const handle = await open(path, ...more);
        if (flags === 'wx' && this.#isHere(path)) {
          this.#made(path);
        }
        const writeFile = handle.writeFile.bind(handle);
        const write = handle.write.bind(handle) as (...given: unknown[]) => Promise<object>;
        const written = <R>(work: () => R): R => {
          happens(path, (file) => void this.#unsynced.add(file));
          return work();
        };
        const sync = async () => happens(path, (file) => this.#synced(file));
        return Object.assign(handle, {
          writeFile: async (...given: Parameters<typeof writeFile>) => written(() => writeFile(...given)),
          write: async (...given: unknown[]) => written(() => write(...given)),
          sync,
          datasync: sync,
        });
      },
    };
  }

  #synced(path: string): void {
    this.#unsynced.delete(path);
    this.#renamings = this.#renamings.filter(({ folder }) => folder !== path);
  }

  #renamed(from: string, to: string): void {
    const former = this.#keep(to);
    if (this.#unsynced.delete(from)) {
      this.#unsynced.add(to);
    } else {
      this.#unsynced.delete(to);
    }
    const undo = (): void => {
      this.#real.renameSync(to, from);
      former?.(to);
      // Unsynced contents are lost under any name.
      if (this.#unsynced.delete(to)) {
        this.#unsynced.add(from);
      }
    };
    this.#renamings.push({ folder: dirname(to), undo });
  }

  #made(path: string): void {
    const undo = (): void => this.#real.rmSync(path, { force: true });
    this.#renamings.push({ folder: dirname(path), undo });
  }

  #removed(path: string): void {
    const former = this.#keep(path);
    if (former && !path.startsWith('/proc/')) {
      this.#renamings.push({ folder: dirname(path), undo: () => former(path) });
    }
  }

  /** @returns a function that restores it; undefined: it does not exist */
  #keep(path: string): ((to: string) => void) | undefined {
    const { existsSync, rmSync, statSync, readdirSync, readFileSync, mkdirSync, writeFileSync } = this.#real;
    if (!existsSync(path)) {
      return undefined;
    }
    if (!statSync(path).isDirectory()) {
      const bytes = readFileSync(path);
      return (to) => writeFileSync(to, bytes);
    }
    const inside = readdirSync(path).map((name) => [name, this.#keep(join(path, name))] as const);
    return (to) => {
      rmSync(to, { recursive: true, force: true });
      mkdirSync(to);
      for (const [name, putBack] of inside) {
        putBack?.(join(to, name));
      }
    };
  }
}

const pick = (from: object, keys: object): object =>
  Object.fromEntries(Object.entries(from).filter(([name]) => name in keys));
