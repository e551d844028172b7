import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ArchivedRecordings } from '../archived/archived-recordings.ts';
import type { Catalog } from './catalog.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { SegmentRow } from './segment-row.ts';

/** The archive's recordings in the index: what only the archive has is listed and played from there. */
export class CopyListing {
  readonly #catalog: Catalog;
  readonly #index: SegmentIndex;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  #syncing: Promise<void> = Promise.resolve();

  constructor(catalog: Catalog, index: SegmentIndex, logger: Logger) {
    this.#catalog = catalog;
    this.#index = index;
    this.#logger = logger;
  }

  /** @param archived undefined: there is no archive */
  set(archived: ArchivedRecordings | undefined): void {
    this.#catalog.archived = archived;
    void this.sync();
  }

  /** While there is an archive that has not started, its recordings stay listed. */
  expect(isExpected: () => boolean): void {
    this.#catalog.isArchiveExpected = isExpected;
  }

  /** Called when the archive has more, or other, recordings. Resolves once they are listed. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing
      .then(() => this.#catalog.syncArchived(this.#closing.signal))
      .catch((error: unknown) => this.#logger.error({ err: error }, 'failed to list archived recordings'));
    return this.#syncing;
  }

  /** Called when the archive no longer has the recording. */
  removed(path: string, nameUs: number): void {
    this.#index.archived.remove(path, nameUs);
  }

  /** There is an archive, but what it has is not known yet. */
  get isAway(): boolean {
    const { archived, isArchiveExpected } = this.#catalog;
    return archived ? !archived.isListed : isArchiveExpected();
  }

  /** @throws PerchError while the archive is away: its copy would be listed later */
  requireListed(): void {
    if (this.isAway) {
      throw new PerchError('unavailable', 'the archive is not listed yet: copies there cannot be deleted now');
    }
  }

  /** @throws PerchError while the archive is away */
  async delete({ path, nameUs }: Pick<SegmentRow, 'path' | 'nameUs'>): Promise<void> {
    this.requireListed();
    await this.#catalog.archived?.remove(path, nameUs);
    this.removed(path, nameUs);
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#syncing;
  }
}
