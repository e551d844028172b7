import { chmodSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Entry {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

/** The files of a package by their path in it. */
export class Tree {
  readonly #files = new Map<string, Entry>();

  /** @param path without a slash before it */
  add(path: string, content: Uint8Array | string, mode = 0o644): this {
    this.#files.set(path, { bytes: Buffer.from(content), mode });
    return this;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /**
   * Lays the files into an empty folder; who built it, when, and with what umask cannot be seen.
   * @param time Unix seconds that all files and folders get
   */
  write(folder: string, time: number): void {
    for (const [path, { bytes, mode }] of this.#files) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      chmodSync(file, mode);
      utimesSync(file, time, time);
    }
    const folders = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const path of [...folders.map(({ parentPath, name }) => join(parentPath, name)), folder]) {
      chmodSync(path, 0o755);
      utimesSync(path, time, time);
    }
  }
}
