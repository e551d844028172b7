import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { RateLimit } from '../../../base/time/rate-limit.ts';
import { isWithinHours } from '../../../config/values/hours.ts';
import { encryptedKey, plainKey } from '../encryption/layout.ts';
import { uploadOf } from '../storage/bytes-upload.ts';
import type { ArchiveStorage, LocalRecording, RecordingSource } from '../storage/contracts.ts';
import { type ArchiveWhy, archiveFailure, whyOf } from '../storage/failure.ts';
import type { ArchiveState } from './archive-state.ts';
import { companionKey, removeCopy } from './companion-objects.ts';
import type { Ledger } from './ledger.ts';
import { LocalFile, RecordingGone, UnreadableRecording } from './local-file.ts';
import { type ArchivedName, objectKey, recordingOf } from './object-key.ts';
import type { UploadQueue } from './upload-queue.ts';

const LOOK_MS = 5_000;
const UPKEEP_MS = 3_600_000;
/** Time until the next attempt after a failed deletion. */
const EXPIRE_AGAIN_MS = 600_000;
/** The same while the archive has a copy of a recording that was deleted by hand. */
const REMOVE_AGAIN_MS = 60_000;
/** Failures that may concern one recording only: then the others are tried first. */
const OF_ONE: ReadonlySet<ArchiveWhy> = new Set(['other', 'damaged']);

export interface CurrentUpload {
  readonly path: string;
  /** Shown start of the recording, Unix microseconds. */
  readonly startUs: number;
  readonly sizeBytes: number;
  readonly sentBytes: number;
}

type Signed = ArchivedName & { readonly file: string };

interface UploaderDeps {
  readonly storage: ArchiveStorage;
  readonly source: RecordingSource;
  readonly state: ArchiveState;
  readonly ledger: Ledger;
  readonly queue: UploadQueue;
  /** `PREFIX/BOX/` */
  readonly own: string;
  readonly isEncrypted: boolean;
  readonly maxBytesPerSecond: number;
  readonly hours: string;
  /** Called before the first upload and every hour. Nothing is uploaded until it succeeds. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** Deletes recordings that are too old, every hour. Uploads do not depend on it. */
  readonly expire: (signal: AbortSignal) => Promise<void>;
  /** Called when the archive no longer has a copy. */
  readonly onRemoved: (path: string, nameUs: number) => void;
  /** Called when the archive has the only copy of a recording. */
  readonly onOnlyCopy: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface UploadFailure {
  readonly why: ArchiveWhy;
  readonly error: string;
  /** Unix milliseconds of the first failure since the last success. */
  readonly sinceMs: number;
}

/** Thrown at a checkpoint: a later run resumes the upload. */
class Interrupted extends Error {}

/** Archives one recording at a time. Waits while the archive is unavailable, outside its hours, and while a disk is slow. */
export class Uploader {
  readonly #deps: UploaderDeps;
  readonly #pace: RateLimit;
  #current: CurrentUpload | undefined;
  #failure: UploadFailure | undefined;
  /** Key of the recording that is being sent. */
  #currentKey: string | undefined;
  /** Failure of the last attempt to delete old objects, or undefined if it succeeded, or there was none. */
  #expiryFailure: UploadFailure | undefined;
  /** Monotonic time of the next deletions. */
  #expireMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  /** Bytes and files uploaded since the start. */
  uploadedBytes = 0;
  uploadedFiles = 0;

  constructor(deps: UploaderDeps) {
    this.#deps = deps;
    this.#pace = new RateLimit(deps.clock, deps.maxBytesPerSecond);
  }

  get current(): CurrentUpload | undefined {
    return this.#current;
  }

  get failure(): UploadFailure | undefined {
    return this.#failure ?? this.#expiryFailure;
  }

  get isOutOfHours(): boolean {
    const { hours, clock } = this.#deps;
    const now = new Date(clock.wallMs());
    return !isWithinHours(hours, 60 * now.getHours() + now.getMinutes());
  }

  /** Call this when a recording was deleted by hand: if it is being sent, its copy is deleted afterwards. @param key without `.enc` */
  forget(key: string): void {
    const { state, log } = this.#deps;
    const current = this.#currentKey;
    if (current !== undefined && plainKey(current) === key && !this.#isUnwanted(current)) {
      this.#expireMs = Number.NEGATIVE_INFINITY;
      state.change({ unwanted: [...(state.now.unwanted ?? []), current] }).catch((error: unknown) => {
        log.warn({ key, cause: explain(error) }, 'cannot note that the copy of a deleted recording is to be deleted');
      });
    }
  }

  #isUnwanted(key: string): boolean {
    return this.#deps.state.now.unwanted?.includes(key) === true;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue, clock, source, ledger, prepare } = this.#deps;
    let preparedMs = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      if (clock.monoMs() - preparedMs >= UPKEEP_MS) {
        const isDone = await this.#attempt(() => prepare(signal), undefined, signal);
        preparedMs = isDone ? clock.monoMs() : preparedMs;
        if (!isDone) {
          // The waiting recordings are counted nevertheless.
          await queue.scan(signal);
          continue;
        }
      }
      if (clock.monoMs() >= this.#expireMs) {
        this.#expireMs = clock.monoMs() + ((await this.#expire(signal)) ? UPKEEP_MS : this.#expireAgainMs);
      }
      await queue.scan(signal);
      const next = queue.first();
      const signed = next ? undefined : ledger.signedLater();
      if (!(next || signed) || this.isOutOfHours || source.isHeldUp || signal.aborted) {
        await clock.sleep(LOOK_MS, signal);
      } else if (next) {
        await this.#attempt(() => this.#archive(next, signal), next, signal);
      } else if (signed) {
        await this.#attempt(() => this.#putLateSignatures(signed, signal), undefined, signal);
      }
    }
  }

  /** Does work at the archive. After a failure it waits, longer each time. @returns whether the work succeeded */
  async #attempt(work: () => Promise<void>, one: LocalRecording | undefined, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#deps;
    try {
      await work();
      if (this.#failure) {
        log.info('the archive works again');
        if (this.#expiryFailure) {
          this.#expireMs = clock.monoMs();
        }
      }
      this.#failure = undefined;
      this.#failures = 0;
      return true;
    } catch (error) {
      if (!signal.aborted && !(error instanceof Interrupted)) {
        this.#failed(error, one);
        this.#failures += 1;
        await clock.sleep(Math.min(600_000, 5_000 * 2 ** (this.#failures - 1)), signal);
      }
      return false;
    } finally {
      this.#current = undefined;
      this.#currentKey = undefined;
    }
  }

  get #expireAgainMs(): number {
    return this.#deps.state.now.unwanted === undefined ? EXPIRE_AGAIN_MS : REMOVE_AGAIN_MS;
  }

  /** @returns whether it succeeded */
  async #expire(signal: AbortSignal): Promise<boolean> {
    const { clock, log, expire } = this.#deps;
    try {
      const refusal = await this.#removeUnwanted(signal);
      await expire(signal);
      if (refusal !== undefined) {
        throw refusal;
      }
      this.#expiryFailure = undefined;
      return true;
    } catch (error) {
      if (!signal.aborted) {
        const [why, cause] = [whyOf(error), explain(error)];
        if (this.#expiryFailure?.error !== cause) {
          log.warn({ why, cause }, 'cannot delete recordings from the archive');
        }
        this.#expiryFailure = { why, error: cause, sinceMs: this.#expiryFailure?.sinceMs ?? clock.wallMs() };
      }
      return false;
    }
  }

  #failed(error: unknown, one: LocalRecording | undefined): void {
    const { clock, log, queue } = this.#deps;
    const why = whyOf(error);
    const cause = explain(error);
    if (one && OF_ONE.has(why)) {
      queue.postpone(one);
    }
    // Each cause is logged once.
    if (this.#failure?.error !== cause) {
      log.warn({ why, cause }, 'cannot archive recordings');
    }
    this.#failure = { why, error: cause, sinceMs: this.#failure?.sinceMs ?? clock.wallMs() };
  }

  async #archive(recording: LocalRecording, signal: AbortSignal): Promise<void> {
    const { ledger, queue, own, isEncrypted, storage, source, onOnlyCopy, log } = this.#deps;
    const name = objectKey(own, recording, recording.file);
    if (name === undefined) {
      queue.done(recording);
      return;
    }
    const key = isEncrypted ? encryptedKey(name) : name;
    try {
      const file = await LocalFile.find(recording);
      const sha256 = await this.#put(recording, key, file, signal);
      // The file may have been repaired meanwhile, for example.
      if ((await file.state()) === 'changed') {
        queue.postpone(recording);
        return;
      }
      await this.#putTable(recording, key, signal);
      const facts = await source.factsOf(recording);
      const { path, nameUs, startUs, durationUs } = recording;
      ledger.add({ path, nameUs, startUs, key, sizeBytes: file.sizeBytes, durationUs }, sha256);
      if (ledger.verifiedKeyOf(recording) !== key) {
        throw archiveFailure('other', 'cannot note what is archived: is the disk of the data folder full?');
      }
      const former = ledger.otherKeyOf(recording);
      if (former !== undefined) {
        // Encryption was switched on or off since.
        await removeCopy(storage, former, true, signal);
        ledger.removeOther(former);
      }
      if (facts !== undefined) {
        ledger.setFacts(recording, facts);
      }
      // Signatures that are made from now on are sent later.
      await this.#putSignatures(recording, key, signal);
      // An earlier deletion did not find its copy.
      if ((await file.state()) === 'gone' && !this.#isUnwanted(key)) {
        onOnlyCopy();
      }
      this.uploadedFiles += 1;
    } catch (error) {
      if (error instanceof RecordingGone) {
        await this.#forgetUpload();
      } else if (error instanceof UnreadableRecording) {
        log.warn({ file: recording.file, cause: explain(error) }, 'a recording cannot be archived');
      } else {
        throw error;
      }
    }
    queue.done(recording);
  }

  /** @returns the first failure, which does not stop the others */
  async #removeUnwanted(signal: AbortSignal): Promise<unknown> {
    const { storage, ledger, state, own, onRemoved } = this.#deps;
    let refusal: unknown;
    for (const key of state.now.unwanted ?? []) {
      const name = recordingOf(own, key);
      try {
        // The name is checked so that nothing but recordings of this box is ever deleted.
        await (name && removeCopy(storage, key, true, signal));
      } catch (error) {
        signal.throwIfAborted();
        refusal ??= error;
        continue;
      }
      if (name && ledger.find(name)?.key === key) {
        ledger.remove(name);
        onRemoved(name.path, name.nameUs);
      }
      const left = state.now.unwanted?.filter((one) => one !== key);
      await state.change({ unwanted: left?.length ? left : undefined });
    }
    return refusal;
  }

  /** Stores the table of an MPEG-TS recording, with which the copy can be played by ranges. */
  async #putTable(recording: LocalRecording, key: string, signal: AbortSignal): Promise<void> {
    const table = await this.#deps.source.tableOf(recording);
    if (table) {
      await this.#putCompanion(companionKey(key, 'table'), table, signal);
    }
  }

  /** @returns whether the recording has signatures */
  async #putSignatures(recording: Signed, key: string, signal: AbortSignal): Promise<boolean> {
    const { ledger, source } = this.#deps;
    const signatures = await source.signaturesOf(recording.file);
    if (signatures) {
      // They are sent later if this fails.
      ledger.setSigned(recording, recording.file);
      await this.#putCompanion(companionKey(key, 'sig'), signatures, signal);
      ledger.setSigned(recording);
    }
    return signatures !== undefined;
  }

  /** Stores the signatures of a recording that was signed after it was archived. */
  async #putLateSignatures(recording: Signed & { readonly key: string }, signal: AbortSignal): Promise<void> {
    if (!(await this.#putSignatures(recording, recording.key, signal))) {
      // The signatures or their recording were deleted meanwhile.
      this.#deps.ledger.removeSigned(recording);
    }
  }

  async #putCompanion(key: string, content: Uint8Array, signal: AbortSignal): Promise<void> {
    const pace = (bytes: number) => this.#pace.take(bytes, signal);
    await this.#deps.storage.put({ ...uploadOf(key, content, signal), pace });
  }

  /** What the archive has of an unfinished upload is deleted by the next `removeUnfinished`. */
  async #forgetUpload(): Promise<void> {
    const { state } = this.#deps;
    if (state.now.upload) {
      await state.change({ upload: undefined });
    }
  }

  async #put(recording: LocalRecording, key: string, file: LocalFile, signal: AbortSignal): Promise<string> {
    const { storage, state, source } = this.#deps;
    const { upload } = state.now;
    const { path, startUs } = recording;
    const { sizeBytes } = file;
    this.#current = { path, startUs, sizeBytes, sentBytes: 0 };
    this.#currentKey = key;
    const sha256 = await storage.put({
      key,
      sizeBytes,
      read: file.read,
      pace: async (bytes) => {
        await this.#pace.take(bytes, signal);
        this.uploadedBytes += bytes;
      },
      checkPoint: () => {
        if (this.isOutOfHours || source.isHeldUp || signal.aborted) {
          throw new Interrupted();
        }
      },
      unfinished: upload?.key === key ? upload.uploadId : undefined,
      begun: async (uploadId) => {
        signal.throwIfAborted();
        await state.change({ upload: { key, uploadId } });
      },
      sent: (sentBytes) => {
        this.#current = { path, startUs, sizeBytes, sentBytes };
      },
      signal,
    });
    // Once this link has ended, the state belongs to another link.
    signal.throwIfAborted();
    await this.#forgetUpload();
    return sha256;
  }
}
