import { join, resolve, sep } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { HlsMuxer, HlsVariant } from '../contracts/hls-muxer.ts';
import { DirectoryWriter } from './directory-writer.ts';

/** A disk that hangs does not hold up the end of the program for longer. */
const MAX_END_MS = 2_000;

/**
 * `hlsDirectory`: what muxers hold, as files too, each path in a folder of its name. Nothing waits for the disk: what it does not take
 * in time is missing there, and players have it from memory all the same.
 */
export class HlsDirectory {
  readonly #folder: string;
  readonly #variant: HlsVariant;
  readonly #log: Logger;
  readonly #writers = new Map<HlsMuxer, DirectoryWriter>();
  /** One thing after the other: a disk that hangs keeps one thread of the few that the process has. */
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, variant: HlsVariant, log: Logger) {
    this.#folder = resolve(folder);
    this.#variant = variant;
    this.#log = log;
  }

  /** @param name of the path */
  opened(name: string, muxer: HlsMuxer): void {
    const folder = join(this.#folder, name);
    if (!folder.startsWith(this.#folder + sep)) {
      throw new PerchError('badInput', `the path '${name}' is outside of hlsDirectory`, { path: name });
    }
    const writer = new DirectoryWriter({
      root: this.#folder,
      folder,
      muxer,
      // Of low latency the playlists say nothing without a server that holds back its answers.
      hasPlaylists: this.#variant !== 'lowLatency',
      log: this.#log.child({ path: name, folder }),
      inTurn: (work) => this.#inTurn(work),
    });
    this.#writers.set(muxer, writer);
  }

  /** Its files go. */
  closed(muxer: HlsMuxer): void {
    this.#writers.get(muxer)?.close();
    this.#writers.delete(muxer);
  }

  /** Settles when the files of all muxers have gone, or when that takes too long. */
  async close(): Promise<void> {
    for (const muxer of [...this.#writers.keys()]) {
      this.closed(muxer);
    }
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, MAX_END_MS);
    await Promise.race([this.#last, late.promise]);
    clearTimeout(timer);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#last = this.#last.then(work);
  }
}
