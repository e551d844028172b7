import type { Catalog } from './catalog.ts';
import { rowsOf } from './get.ts';
import type { SegmentRow } from './segment-row.ts';
import type { RecordingLookup } from './vod/recorded-period.ts';

/** As many files as can begin in one microsecond: of one path, with different templates. */
const MAX_TWINS = 16;

/** The recordings as those find them who make streams and pictures of them. */
export class CatalogLookup implements RecordingLookup {
  readonly #catalog: Catalog;
  readonly #require: (path: string) => Promise<void>;

  /** @param require throws when a path is neither configured nor recorded */
  constructor(catalog: Catalog, require: (path: string) => Promise<void>) {
    this.#catalog = catalog;
    this.#require = require;
  }

  async between(path: string, fromUs: number, toUs: number): Promise<Iterable<SegmentRow>> {
    await this.#require(path);
    await this.#catalog.refresh(path, fromUs, toUs);
    return rowsOf(this.#catalog, { path, startUs: fromUs, durationUs: toUs - fromUs });
  }

  async named(path: string, nameUs: number): Promise<Iterable<SegmentRow>> {
    await this.#require(path);
    return namedRows(this.#catalog, path, nameUs);
  }
}

/** Most begin when their names say so. */
function* namedRows({ index }: Catalog, path: string, nameUs: number): Generator<SegmentRow, void> {
  yield* index.list(path, nameUs, nameUs, MAX_TWINS).filter((row) => row.nameUs === nameUs);
  yield* index.named(path, nameUs, MAX_TWINS);
}
