import { stat } from 'node:fs/promises';
import type { TableCache } from '../read/table-cache.ts';
import { bytesOfLayout, layOut, type VodLayout } from './vod-layout.ts';

/** A year of hourly files. */
const MAX_BYTES = 16 << 20;

/**
 * HLS layouts of recordings. A day's playlist needs each of its files, whose much larger tables may be evicted by then.
 */
export class LayoutCache {
  readonly #tables: TableCache;
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #kept = new Map<string, VodLayout>();
  #bytes = 0;

  constructor(tables: TableCache, maxBytes = MAX_BYTES) {
    this.#tables = tables;
    this.#maxBytes = maxBytes;
  }

  /** @throws PerchError if the file is not a recording; the error of `stat` if it is gone */
  async of({ file, nameUs }: { readonly file: string; readonly nameUs: number }): Promise<VodLayout> {
    const known = this.#kept.get(file);
    const { size, mtimeMs } = await stat(file);
    const isSame = known?.sizeBytes === size && known.mtimeMs === mtimeMs;
    const layout = isSame ? known : layOut(await this.#tables.of({ file }), nameUs);
    this.#keep(layout);
    return layout;
  }

  #keep(layout: VodLayout): void {
    this.#drop(layout.file);
    this.#kept.set(layout.file, layout);
    this.#bytes += bytesOfLayout(layout);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === layout.file) {
        return;
      }
      this.#drop(oldest);
    }
  }

  #drop(file: string): void {
    const kept = this.#kept.get(file);
    if (kept) {
      this.#bytes -= bytesOfLayout(kept);
      this.#kept.delete(file);
    }
  }
}
