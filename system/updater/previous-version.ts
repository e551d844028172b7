import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../update/keys.ts';
import type { PackageName, UpdatePackage } from '../update/manifest.ts';
import type { Machine } from './debian.ts';
import { type Journal, syncFolder } from './journal.ts';

/** What a rollback needs: the packages of the previous version, and the updater that can install them. */
export class PreviousVersion {
  readonly #packages: string;
  readonly #updater: string;
  readonly #machine: Pick<Machine, 'versionOf' | 'isWhole' | 'repack'>;

  constructor(own: string, machine: Pick<Machine, 'versionOf' | 'isWhole' | 'repack'>) {
    this.#packages = join(own, 'kept');
    this.#updater = join(own, 'good');
    this.#machine = machine;
  }

  files({ previous }: Pick<Journal, 'previous'>): readonly string[] {
    return previous.map((name) => join(this.#packages, name));
  }

  /** The installed packages: kept since their installation, or built from the installed files. @returns their names */
  async keepPrevious(packages: readonly UpdatePackage[], architecture: string): Promise<readonly string[]> {
    mkdirSync(this.#packages, { recursive: true, mode: 0o700 });
    const names: string[] = [];
    for (const { name, architecture: own } of packages) {
      const version = (await this.#machine.versionOf(name)) ?? '';
      const file = `${name}_${version}_${own === 'all' ? 'all' : architecture}.deb`;
      const path = join(this.#packages, file);
      // Verified now, while a second copy exists: cards lose data.
      if (!existsSync(path) || !(await this.#machine.isWhole(path))) {
        await this.#machine.repack(name, path);
      }
      names.push(file);
    }
    return names;
  }

  newest(): readonly string[] {
    const names = namesIn(this.#packages).filter((name) => name.endsWith('.deb'));
    const byAge = names.sort((a, b) => this.#changedMs(b) - this.#changedMs(a));
    return (['perch', 'perch-node'] satisfies PackageName[]).flatMap((name) => {
      const newest = byAge.find((one) => one.startsWith(`${name}_`));
      return newest === undefined ? [] : [join(this.#packages, newest)];
    });
  }

  #changedMs(name: string): number {
    return statSync(join(this.#packages, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /** Keeps the installed packages for the next update. @param work where they lie */
  takeOver({ packages, previous }: Journal, work: string): void {
    for (const name of packages.filter((one) => existsSync(join(work, one)))) {
      renameSync(join(work, name), join(this.#packages, name));
    }
    for (const name of previous.filter((one) => !packages.includes(one))) {
      rmSync(join(this.#packages, name), { force: true });
    }
    for (const name of namesIn(this.#packages).filter((one) => !one.endsWith('.deb'))) {
      rmSync(join(this.#packages, name), { recursive: true, force: true });
    }
    syncFolder(this.#packages);
  }

  /**
   * Keeps this updater, with a working Node, so that it can roll back the new version.
   * @param node undefined to leave it unchanged @returns the location of the copy
   */
  keepUpdater(program: string, node: string | undefined): string | undefined {
    rmSync(this.#updater, { recursive: true, force: true });
    mkdirSync(this.#updater, { mode: 0o700 });
    for (const file of ['run', 'updater.cjs']) {
      copyFileSync(join(program, file), join(this.#updater, file));
    }
    const copy = node === undefined ? undefined : join(this.#updater, 'node');
    if (node !== undefined && copy !== undefined) {
      copyFileSync(node, copy);
    }
    syncFolder(this.#updater);
    return copy;
  }

  dropUpdater(): void {
    rmSync(this.#updater, { recursive: true, force: true });
  }
}
