import { chmodSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Entry {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

export class Tree {
  readonly #files = new Map<string, Entry>();

  /** @param path relative */
  add(path: string, content: Uint8Array | string, mode = 0o644): this {
    this.#files.set(path, { bytes: Buffer.from(content), mode });
    return this;
  }

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Writes the files into an empty folder, independent of builder, time and umask. @param time Unix seconds */
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
