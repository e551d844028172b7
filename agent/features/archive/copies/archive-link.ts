import { join } from 'node:path';
import { type Clock, endsWithin } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { isDamaged } from '../../../base/files/sqlite.ts';
import type { Logger } from '../../../base/log.ts';
import type { ArchiveKeyRing } from '../encryption/encrypted-storage.ts';
import type { ArchiveStorage, LocalRecording, RecordingSource } from '../storage/contracts.ts';
import { type ArchiveSettings, isEncrypted, placeOf } from '../storage/settings.ts';
import { ArchiveState } from './archive-state.ts';
import { listArchive, removeExpired } from './expiry.ts';
import { Ledger } from './ledger.ts';
import { type ArchivedName, objectKey, ownPrefix } from './object-key.ts';
import { openStorage } from './open-storage.ts';
import { ArchiveReader, MAX_READS } from './reader.ts';
import { readUnread } from './unread.ts';
import { type QueueTotals, UploadQueue } from './upload-queue.ts';
import { type CurrentUpload, Uploader, type UploadFailure } from './uploader.ts';

interface ArchiveLinkOptions {
  readonly settings: ArchiveSettings;
  readonly source: RecordingSource;
  readonly keys: ArchiveKeyRing;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the archive turns out to have recordings that were not known. Resolves once the index lists them. */
  readonly onFound: () => Promise<void>;
  /** Called when the archive no longer has a copy. */
  readonly onRemoved: (path: string, nameUs: number) => void;
}

export interface ArchiveStatus {
  readonly isOutOfHours: boolean;
  readonly failure: UploadFailure | undefined;
  readonly waiting: QueueTotals;
  readonly archived: { readonly files: number; readonly bytes: number };
  /** Number of archived files whose ends were not read yet: they are not listed until then. */
  readonly unreadFiles: number;
  readonly current: CurrentUpload | undefined;
  /** Uploads since the start of the link. */
  readonly uploaded: { readonly files: number; readonly bytes: number };
}

interface LinkParts {
  readonly state: ArchiveState;
  readonly ledger: Ledger;
  readonly storage: ArchiveStorage;
  readonly reader: ArchiveReader;
  readonly own: string;
}

/** Pause after a failure to read what the archive has. */
const UNREAD_MS = 60_000;
/** Longest wait of `close`, as for a network disk that hangs. */
const CLOSE_MS = 5_000;

/** The connection to the archive while one is configured. */
export class ArchiveLink {
  readonly #options: ArchiveLinkOptions;
  readonly #parts: LinkParts;
  readonly #queue: UploadQueue;
  readonly #uploader: Uploader;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #reading: Promise<void> | undefined;

  /** @throws PerchError for a damaged state, or plain http to a public address */
  static async start(options: ArchiveLinkOptions): Promise<ArchiveLink> {
    const { settings, keys, dataDir, clock, log } = options;
    const state = await ArchiveState.open(dataDir);
    const place = placeOf(settings);
    const isSame = state.now.place === place;
    const own = ownPrefix(settings.archivePrefix, state.now.id);
    const isMarked = isSame && state.now.isMarked;
    const opening = { settings, own, isMarked, keys, wallMs: () => clock.wallMs() };
    const storage = openStorage(opening);
    const onFault = (error: unknown) =>
      log.warn(
        { cause: explain(error) },
        `the list of archived recordings ${isDamaged(error) ? 'is damaged' : 'cannot be saved, check its disk'}`,
      );
    const ledger = new Ledger(join(dataDir, 'archive.db'), onFault);
    try {
      if (!isSame) {
        ledger.clear();
        await state.change({ place, isMarked: false, isListed: false, upload: undefined, unwanted: undefined });
      }
      if (ledger.isFresh && state.now.isListed) {
        await state.change({ isListed: false });
      }
    } catch (error) {
      storage.close();
      ledger.close();
      throw error;
    }
    const reading = openStorage({ ...opening, maxConnections: MAX_READS });
    const reader = new ArchiveReader({ storage: reading, ledger, state, own, onGone: options.onRemoved });
    const link = new ArchiveLink(options, { state, ledger, storage, reader, own });
    link.#begin();
    return link;
  }

  private constructor(options: ArchiveLinkOptions, parts: LinkParts) {
    const { source, settings, clock, log } = options;
    this.#options = options;
    this.#parts = parts;
    this.#queue = new UploadQueue({ source, ledger: parts.ledger, clock });
    this.#uploader = new Uploader({
      ...parts,
      source,
      clock,
      log,
      queue: this.#queue,
      isEncrypted: isEncrypted(settings),
      maxBytesPerSecond: settings.archiveMaxRateBytes,
      hours: settings.archiveHours,
      prepare: (signal) => this.#prepare(signal),
      expire: (signal) => this.#expire(signal),
      onRemoved: options.onRemoved,
      onOnlyCopy: () => {
        void options.onFound();
        this.#beginReading();
      },
    });
  }

  get status(): ArchiveStatus {
    const { isOutOfHours, failure, current, uploadedFiles: files, uploadedBytes: bytes } = this.#uploader;
    const { totals: waiting } = this.#queue;
    const { totals: archived, unreadCount: unreadFiles } = this.#parts.ledger;
    return { isOutOfHours, failure, current, waiting, archived, unreadFiles, uploaded: { files, bytes } };
  }

  get recordings(): ArchiveReader {
    return this.#parts.reader;
  }

  /** To be called when a key was added: recordings that it encrypted can be read now. */
  keyAdded(): void {
    void Promise.resolve(this.#reading).then(() => this.#beginReading());
  }

  /** To be called when a recording is finished. */
  recorded(recording: Pick<LocalRecording, 'path' | 'startUs'>): void {
    this.#queue.recorded(recording);
  }

  /** To be called when a recording was deleted by hand before it was archived. */
  forget(name: ArchivedName, file: string): void {
    const key = objectKey(this.#parts.own, name, file);
    if (key !== undefined) {
      this.#uploader.forget(key);
    }
  }

  /** To be called when a recording was signed, before or after it was archived. */
  signed(name: ArchivedName, file: string): void {
    const { ledger } = this.#parts;
    if (ledger.find(name)?.isSigned === false) {
      ledger.setSigned(name, file);
    }
  }

  /** Whether a finished recording is to be archived but has not been yet. */
  isAwaited(name: ArchivedName, file: string): boolean {
    const { own, ledger } = this.#parts;
    return objectKey(own, name, file) !== undefined && !ledger.has(name);
  }

  /** Whether the index may not list all copies of a path yet. */
  mayAppear(path: string): boolean {
    const first = { path, nameUs: Number.MIN_SAFE_INTEGER };
    return this.#reading !== undefined || this.#parts.ledger.unread(1, first)[0]?.path === path;
  }

  /** The next start continues an upload that is under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#parts.reader.close();
    await endsWithin(this.#options.clock, CLOSE_MS, Promise.all([this.#running, this.#reading]));
    this.#parts.storage.close();
    this.#parts.ledger.close();
  }

  #begin(): void {
    const { signal } = this.#stop;
    this.#running = this.#uploader.run(signal).catch((error: unknown) => this.#stopped(error));
  }

  #stopped(error: unknown): void {
    if (!this.#stop.signal.aborted) {
      this.#options.log.error({ err: error }, 'the archive has stopped');
    }
  }

  /** Reads the archived recordings of which only the names are known, as those of a lost box or of an earlier version of Perch. */
  async #readUnread(signal: AbortSignal): Promise<void> {
    const { source, clock, log, onFound } = this.#options;
    let listed = Promise.resolve();
    const onRead = (): void => {
      listed = onFound();
    };
    while (!signal.aborted && this.#parts.ledger.unreadCount > 0) {
      try {
        await readUnread({ ...this.#parts, source, onRead }, signal);
        await listed;
        return;
      } catch (error) {
        if (!(error instanceof PerchError) || signal.aborted) {
          throw error;
        }
        log.debug({ cause: explain(error) }, 'cannot read what the archive has');
        await clock.sleep(UNREAD_MS, signal);
      }
    }
  }

  /** Runs before the first upload and every hour. */
  async #prepare(signal: AbortSignal): Promise<void> {
    const { state, ledger, storage, own } = this.#parts;
    await storage.removeUnfinished(own, state.now.upload?.uploadId, signal);
    signal.throwIfAborted();
    if (!state.now.isMarked) {
      await state.change({ isMarked: true });
    }
    if (ledger.isFresh || !state.now.isListed) {
      await listArchive(this.#parts, signal);
      ledger.listed();
      await state.change({ isListed: true });
    }
    this.#beginReading();
  }

  #beginReading(): void {
    this.#reading ??= this.#readUnread(this.#stop.signal)
      .catch((error: unknown) => this.#stopped(error))
      .finally(() => {
        this.#reading = undefined;
      });
  }

  /** @throws PerchError for objects that cannot be deleted */
  async #expire(signal: AbortSignal): Promise<void> {
    const { clock, source, log } = this.#options;
    const { removed: files, refusal } = await removeExpired(
      { ...this.#parts, source, clock, onRemoved: this.#options.onRemoved },
      signal,
    );
    if (files > 0) {
      log.info({ files }, 'old recordings were deleted from the archive');
    }
    if (refusal) {
      throw refusal;
    }
  }
}
