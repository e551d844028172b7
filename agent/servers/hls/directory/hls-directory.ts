import { join, resolve, sep } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { HlsMuxer, HlsVariant } from '../contracts/hls-muxer.ts';
import { DirectoryWriter } from './directory-writer.ts';

/**
 * `hlsDirectory`: the muxers' files on disk, a folder per path. Nothing waits for the disk: files it is too slow for
 * are missing there, and players get them from memory.
 */
export class HlsDirectory {
  readonly #folder: string;
  readonly #variant: HlsVariant;
  readonly #log: Logger;
  readonly #writers = new Map<HlsMuxer, DirectoryWriter>();
  /** The last write. Writes are sequential, so a hanging disk blocks only one thread of libuv's pool. */
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, variant: HlsVariant, log: Logger) {
    this.#folder = resolve(folder);
    this.#variant = variant;
    this.#log = log;
  }

  opened(name: string, muxer: HlsMuxer): void {
    const folder = join(this.#folder, name);
    if (!folder.startsWith(this.#folder + sep)) {
      throw new PerchError('badInput', `the path '${name}' is outside of hlsDirectory`, { path: name });
    }
    const writer = new DirectoryWriter({
      root: this.#folder,
      folder,
      muxer,
      // Low-latency playlists need a server that supports blocking reloads.
      hasPlaylists: this.#variant !== 'lowLatency',
      log: this.#log.child({ path: name, folder }),
      inTurn: (work) => this.#inTurn(work),
    });
    this.#writers.set(muxer, writer);
  }

  closed(muxer: HlsMuxer): void {
    this.#writers.get(muxer)?.close();
    this.#writers.delete(muxer);
  }

  /** Resolves when all files are removed, or by timeout. */
  async close(): Promise<void> {
    for (const muxer of [...this.#writers.keys()]) {
      this.closed(muxer);
    }
    const late = Promise.withResolvers<void>();
    // Limits how long a hanging disk delays the end of the program.
    const timer = setTimeout(late.resolve, 2_000);
    await Promise.race([this.#last, late.promise]);
    clearTimeout(timer);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#last = this.#last.then(work);
  }
}
