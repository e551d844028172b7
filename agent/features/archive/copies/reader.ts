import { PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { RangeFile } from '../../../record/store/range-file.ts';
import type { StoredCopies, StoredCopy } from '../../../record/store/recording-copies.ts';
import { plainKey } from '../encryption/layout.ts';
import type { ArchiveStorage } from '../storage/contracts.ts';
import { archiveFailure, whyOf } from '../storage/failure.ts';
import { ReadLimit } from '../storage/read-limit.ts';
import type { ArchiveState } from './archive-state.ts';
import { readCompanion, removeCopy } from './companion-objects.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { recordingOf } from './object-key.ts';

/** Maximum number of concurrent reads. */
export const MAX_READS = 4;
/** Time limit of a read: by then a player has given up, too. */
const READ_MS = 20_000;

interface ReaderDeps {
  /** Storage with connections of its own, so that an upload does not delay a viewer. */
  readonly storage: ArchiveStorage;
  readonly ledger: Ledger;
  readonly state: Pick<ArchiveState, 'now'>;
  /** `PREFIX/BOX/` */
  readonly own: string;
  /** Called when the archive no longer has a recording. */
  readonly onGone: (path: string, nameUs: number) => void;
}

/** Reads ranges of recordings in the archive. Failures have `copy` in their context. */
export class ArchiveReader implements StoredCopies {
  readonly #deps: ReaderDeps;
  readonly #limit = new ReadLimit(MAX_READS, 64);
  readonly #closed = new AbortController();

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
  }

  /** Whether it is known what the archive has. */
  get isListed(): boolean {
    const { ledger, state } = this.#deps;
    return !ledger.isFresh && state.now.isListed;
  }

  find(path: string, nameUs: number): StoredCopy | undefined {
    const found = this.#deps.ledger.find({ path, nameUs });
    return found && this.#shown(found);
  }

  paths(): readonly string[] {
    return this.#deps.ledger.paths();
  }

  /** Copies of a path in the order of their names. */
  after(path: string, afterUs: number, limit: number): readonly StoredCopy[] {
    return this.#deps.ledger.after(path, afterUs, limit).map((entry) => this.#shown(entry));
  }

  /** @throws PerchError notFound; unavailable until the archive is listed */
  open(name: string): RangeFile {
    const { ledger, own } = this.#deps;
    const recording = recordingOf(own, own + name);
    const found = recording && ledger.find(recording);
    if (!found && !this.isListed) {
      throw new PerchError('unavailable', 'the archive is not listed yet: this recording may be there', { copy: name });
    }
    if (!found) {
      throw new PerchError('notFound', 'the archive no longer has this recording', { copy: name });
    }
    const { sizeBytes, facts } = found;
    return new RangeFile({
      sizeBytes,
      facts,
      read: (position, length, signal) => this.#read(found, position, length, signal),
      readTable: (signal) => this.#readCompanion(found, 'table', signal),
      readSignatures: async (signal) =>
        found.isSigned ? this.#readCompanion(found, 'sig', signal).catch(unlessGone) : undefined,
    });
  }

  /** Deletes the archive's copies of a recording. @throws PerchError while the archive is unavailable */
  async remove(path: string, nameUs: number): Promise<void> {
    const { storage, ledger } = this.#deps;
    let removed: string | undefined;
    for (let found = ledger.find({ path, nameUs }); found && found.key !== removed; ) {
      const { key, isSigned } = found;
      const remove = (signal: AbortSignal) => this.#limit.run(() => removeCopy(storage, key, isSigned, signal), signal);
      await this.#guarded(found, new AbortController().signal, remove);
      ledger.remove(found);
      removed = key;
      found = ledger.find(found);
    }
  }

  close(): void {
    this.#closed.abort();
    this.#deps.storage.close();
  }

  #shown({ path, nameUs, key, sizeBytes, facts }: LedgerEntry): StoredCopy {
    return { name: nameOf(key, this.#deps.own), path, nameUs, sizeBytes, facts };
  }

  #readCompanion(found: LedgerEntry, companion: 'table' | 'sig', signal: AbortSignal): Promise<Uint8Array> {
    const read = (joined: AbortSignal) =>
      this.#limit.run(() => readCompanion(this.#deps.storage, found.key, companion, joined), joined);
    return this.#guarded(found, signal, read);
  }

  async #read(found: LedgerEntry, position: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const { storage, ledger, onGone } = this.#deps;
    const read = (joined: AbortSignal) =>
      this.#limit.run(() => storage.read(found.key, position, length, joined), joined);
    try {
      return await this.#guarded(found, signal, read);
    } catch (error) {
      // A rule of the bucket may have deleted it, for example.
      if (whyOf(error) === 'gone') {
        ledger.remove(found);
        onGone(found.path, found.nameUs);
      }
      throw error;
    }
  }

  async #guarded<T>(found: LedgerEntry, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withJoinedSignal([signal, this.#closed.signal], READ_MS, async (joined) => {
      try {
        return await work(joined.signal);
      } catch (error) {
        signal.throwIfAborted();
        const cause = joined.isLate ? archiveFailure('timeout', 'the archive does not answer in time', error) : error;
        throw readFailure(cause, this.#shown(found).name);
      }
    });
  }
}

/** Name of an object, for people and for the index. @param own `PREFIX/BOX/` */
export const nameOf = (key: string, own: string): string => plainKey(key).slice(own.length);

function unlessGone(error: unknown): undefined {
  if (whyOf(error) !== 'gone') {
    throw error;
  }
}

function readFailure(error: unknown, copy: string): unknown {
  if (!(error instanceof PerchError)) {
    return error instanceof DOMException
      ? new PerchError('unavailable', 'the archive is being switched off', { copy }, error)
      : error;
  }
  const { code, message, context } = error;
  return new PerchError(code, `the archive fails: ${message}`, { ...context, copy }, error);
}
