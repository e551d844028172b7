import { join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import type { ArchiveKeyRing } from '../encryption/encrypted-storage.ts';
import type { ArchiveStorage, RecordingSource } from '../storage/contracts.ts';
import { placeOf, type TargetSettings } from '../storage/settings.ts';
import { ArchiveState, isBoxId } from './archive-state.ts';
import { listArchive } from './expiry.ts';
import { Ledger } from './ledger.ts';
import { ownPrefix } from './object-key.ts';
import { openStorage } from './open-storage.ts';
import { ArchiveReader, MAX_READS } from './reader.ts';
import { readUnread } from './unread.ts';

interface RestoreOptions {
  readonly settings: TargetSettings;
  readonly dataDir: string;
  /** Id of the lost box, or undefined for this box or the only one in the archive. */
  readonly box: string | undefined;
  readonly source: Pick<RecordingSource, 'archivedFactsOf'>;
  readonly keys: ArchiveKeyRing;
  readonly wallMs: () => number;
  readonly onFault: (error: unknown) => void;
}

interface RestoreProgress {
  readonly files: number;
  readonly bytes: number;
  /** Number of files that were not read yet. */
  readonly unreadFiles: number;
}

export interface RestoredBox {
  readonly box: string;
  readonly files: number;
  readonly bytes: number;
  /** Number of files that are no recordings, are damaged, or need another key. */
  readonly unreadableFiles: number;
}

/** Lists and reads what the archive has of a box whose data folder is lost. A later run continues an interrupted one. */
export class Restore {
  readonly #options: RestoreOptions;
  #ledger: Ledger | undefined;

  constructor(options: RestoreOptions) {
    this.#options = options;
  }

  get progress(): RestoreProgress {
    const { files = 0, bytes = 0 } = this.#ledger?.totals ?? {};
    return { files, bytes, unreadFiles: this.#ledger?.unreadCount ?? 0 };
  }

  /** @throws PerchError if the archive fails, or it is not clear which box is meant */
  async run(signal: AbortSignal): Promise<RestoredBox> {
    const { settings, dataDir, keys, wallMs, onFault } = this.#options;
    const open = (own: string, isMarked = false) =>
      openStorage({ settings, own, isMarked, keys, wallMs, maxConnections: MAX_READS });
    const ledger = new Ledger(join(dataDir, 'archive.db'), onFault);
    this.#ledger = ledger;
    try {
      const state = await this.#stateOf(ledger, open, signal);
      const place = placeOf(settings);
      const own = ownPrefix(settings.archivePrefix, state.now.id);
      if (state.now.place !== place || ledger.isFresh) {
        if (state.now.place !== place) {
          ledger.clear();
        }
        await state.change({ place, isMarked: false, isListed: false, upload: undefined });
      }
      const storage = open(own, true);
      const reader = new ArchiveReader({ storage, ledger, state, own, onGone: () => {} });
      try {
        if (!state.now.isListed || ledger.totals.files === 0) {
          await listArchive({ storage, ledger, own }, signal);
          if (ledger.totals.files === 0) {
            const where = settings.archive === 'folder' ? join(settings.archiveFolder, own) : own;
            throw new PerchError('notFound', `${where} of the archive has no recordings: is this the right box?`);
          }
          ledger.listed();
          await state.change({ isListed: true });
        }
        await readUnread({ ledger, reader, source: this.#options.source, own, onRead: () => {} }, signal);
      } finally {
        reader.close();
      }
      return { box: state.now.id, ...ledger.totals, unreadableFiles: ledger.unreadableCount + ledger.unreadCount };
    } finally {
      ledger.close();
      this.#ledger = undefined;
    }
  }

  async #stateOf(ledger: Ledger, open: (own: string) => ArchiveStorage, signal: AbortSignal): Promise<ArchiveState> {
    const { dataDir, box } = this.#options;
    if (box !== undefined && !isBoxId(box)) {
      throw new PerchError('badInput', `'${box}' is not the id of a box: it has 12 digits and letters from a to f`);
    }
    const known = await ArchiveState.find(dataDir);
    if (known && (box === undefined || known.now.id === box)) {
      return known;
    }
    if (known && ledger.totals.files > 0) {
      const text = `this box has archived ${ledger.totals.files} recordings as ${known.now.id} and cannot continue as ${box}`;
      throw new PerchError('badInput', text);
    }
    return ArchiveState.create(dataDir, box ?? (await this.#onlyBox(open, signal)));
  }

  /** @throws PerchError if the archive has recordings of no box, or of several */
  async #onlyBox(open: (own: string) => ArchiveStorage, signal: AbortSignal): Promise<string> {
    const { archivePrefix } = this.#options.settings;
    const prefix = archivePrefix === '' ? '' : `${archivePrefix}/`;
    const storage = open(prefix);
    const boxes = new Set<string>();
    try {
      for await (const { key } of storage.list(prefix, signal)) {
        const [id = '', ...rest] = key.slice(prefix.length).split('/');
        if (isBoxId(id) && rest.length > 1) {
          boxes.add(id);
        }
      }
    } finally {
      storage.close();
    }
    signal.throwIfAborted();
    const [only] = boxes;
    if (only === undefined || boxes.size > 1) {
      const text = only === undefined ? 'no box' : `several boxes: add --box with one of ${[...boxes].join(', ')}`;
      throw new PerchError('notFound', `the archive has the recordings of ${text}`);
    }
    return only;
  }
}
