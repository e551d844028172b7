import { rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { codeOf } from '../file/disk-fault.ts';
import type { SegmentLog } from '../file/segment-log.ts';
import type { DeletionReason, DeletionTrace } from './deletion-trace.ts';
import { ownershipOf } from './ownership.ts';

/** A pause between deletions keeps an SD card free for what is being recorded. */
const DELETION_PAUSE_MS = 20;
/** As long as a file can be: `recordSegmentDuration` goes up to a day. */
const MAX_FILE_US = 86_400_000_000;
/** Names of files that were left, so that each is told once. */
const MAX_LOGGED = 1_000;

/** For programs, why nothing is deleted by its age: it is not known what is protected, what time it is, or which date. */
export type DeletionHold = 'protection' | 'clock' | 'date';

/** What must not be deleted. */
export interface Protection {
  /** Why it is not known what is protected: then nothing may go. */
  readonly fault: string | undefined;
  isProtected(path: string, fromUs: number, toUs: number): boolean;
}

export interface DeletionDeps {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly log: Pick<SegmentLog, 'removed'>;
  readonly isOpen: (file: string) => boolean;
  readonly protection: Protection;
  /** The wall clock has been set: what is old can be told from what is new. */
  readonly isClockTrusted: () => boolean;
  /** Why nothing is old by the date that the clock shows: it may be years ahead. The order of recordings holds all the same. */
  readonly dateDoubt?: (() => string | undefined) | undefined;
  /** Told what was deleted, and when a sweep is over. */
  readonly trace?: Pick<DeletionTrace, 'deleted' | 'endSweep'>;
  /** Files that belong to a recording and go with it. */
  readonly companions?: (file: string) => Promise<readonly string[]>;
  /** Told what has become free. */
  readonly freed?: (file: string, diskBytes: number) => void;
  readonly logger: Logger;
}

/** A recording that is to go. */
export interface DeletionCandidate {
  readonly file: string;
  readonly path: string;
  /** Unix microseconds, as the file's name or the index says: all that are known. */
  readonly startsUs: readonly number[];
  /** Undefined: the file tells. */
  readonly durationUs?: number;
  /** One of them is known to be right, even when the name was given by a clock that had not been set. */
  readonly isDated: boolean;
}

export type Deletion =
  | { readonly kind: 'deleted'; readonly diskBytes: number }
  /** Another has deleted it. */
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'kept';
      readonly because: 'written' | 'protected' | 'not ours' | 'undated' | 'no recording' | 'refused';
    };

/**
 * The only place that deletes recordings by age, for space, or all of a path. Whatever a name or the index says: before a file goes, it is
 * asked itself. Kept are protected recordings, those that are being written, and what is no recording; all while the clock is not set.
 */
export class Deletions {
  readonly #deps: DeletionDeps;
  readonly #told = new Set<string>();
  #toldHold: string | undefined;
  #toldDoubt: string | undefined;

  constructor(deps: DeletionDeps) {
    this.#deps = deps;
  }

  /** Why nothing at all may be deleted now. */
  get hold(): string | undefined {
    const { protection, isClockTrusted, dateDoubt, logger } = this.#deps;
    const whyNot = () => dateDoubt?.() ?? 'the clock has not been set since the machine was started';
    const hold = protection.fault ?? (isClockTrusted() ? undefined : whyNot());
    if (hold !== this.#toldHold) {
      this.#toldHold = hold;
      if (hold !== undefined) {
        logger[protection.fault === undefined ? 'warn' : 'error']({ because: hold }, 'no recordings are deleted');
      }
    }
    return hold;
  }

  /** Why nothing may be deleted by its age now. */
  get ageHold(): string | undefined {
    const { dateDoubt, logger } = this.#deps;
    const { hold } = this;
    if (hold !== undefined) {
      return hold;
    }
    const doubt = dateDoubt?.();
    if (doubt !== this.#toldDoubt) {
      this.#toldDoubt = doubt;
      if (doubt === undefined) {
        logger.info('the date is right now: recordings are deleted by age again');
      } else {
        logger.warn({ because: doubt }, 'no recordings are deleted by age');
      }
    }
    return doubt;
  }

  /** The word for `ageHold`. */
  get ageHoldWord(): DeletionHold | undefined {
    const { protection, isClockTrusted, dateDoubt } = this.#deps;
    if (protection.fault !== undefined) {
      return 'protection';
    }
    return dateDoubt?.() === undefined ? (isClockTrusted() ? undefined : 'clock') : 'date';
  }

  /** @param reason for space only what Perch has written itself and marked goes; by its age what has a known one; by hand what is a recording */
  async delete(doomed: DeletionCandidate, reason: DeletionReason): Promise<Deletion> {
    const { file } = doomed;
    const { isOpen, logger } = this.#deps;
    if (this.#holdOf(reason) !== undefined) {
      return { kind: 'kept', because: 'refused' };
    }
    if (isOpen(file)) {
      return { kind: 'kept', because: 'written' };
    }
    // Many that stay are passed over without a look at each file.
    if (doomed.durationUs && this.#isProtected(doomed, doomed.durationUs)) {
      return { kind: 'kept', because: 'protected' };
    }
    try {
      const found = await ownershipOf(file);
      if (!found) {
        return this.#gone(file);
      }
      if (found.writer === 'nobody') {
        this.#tell(file, 'never deleted: a file that neither Perch nor MediaMTX has marked as its recording');
        return { kind: 'kept', because: 'no recording' };
      }
      if ((reason === 'space' || reason === 'size') && found.writer !== 'perch') {
        return { kind: 'kept', because: 'not ours' };
      }
      if (reason === 'age' && !found.isDated && !doomed.isDated) {
        return { kind: 'kept', because: 'undated' };
      }
      if (this.#isProtected(doomed, found.durationMs > 0 ? found.durationMs * 1000 : MAX_FILE_US)) {
        return { kind: 'kept', because: 'protected' };
      }
      const deletion = await this.#unlink(file, found.diskBytes, reason);
      if (deletion.kind === 'deleted') {
        const [startUs = 0] = doomed.startsUs;
        const endUs = startUs + (found.durationMs * 1000 || doomed.durationUs || 0);
        this.#deps.trace?.deleted(doomed.path, reason, startUs, endUs, found.diskBytes);
      }
      return deletion;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return this.#gone(file);
      }
      if (codeOf(error) === '') {
        throw error;
      }
      logger.warn({ file, cause: explain(error) }, 'cannot delete an old recording');
      return { kind: 'kept', because: 'refused' };
    }
  }

  /** Between one and the next. */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#deps.clock.sleep(DELETION_PAUSE_MS, signal);
  }

  /** Removes folders that have become empty, and those above them, but never `top` itself. */
  async removeEmptyFolders(top: string, touched: Iterable<string>): Promise<void> {
    for (const first of touched) {
      for (let folder = first; folder.startsWith(`${top}/`); folder = dirname(folder)) {
        // A folder that is not empty refuses.
        const isGone = await rmdir(folder).then(
          () => true,
          () => false,
        );
        if (!isGone) {
          break;
        }
      }
    }
  }

  /** Nothing more is deleted for now: what was is told. */
  endSweep(): void {
    this.#deps.trace?.endSweep();
  }

  #holdOf(reason: DeletionReason): string | undefined {
    // Whoever means these recordings does not go by the clock.
    return reason === 'hand' ? this.#deps.protection.fault : reason === 'age' ? this.ageHold : this.hold;
  }

  async #unlink(file: string, diskBytes: number, reason: DeletionReason): Promise<Deletion> {
    // It may have been begun anew, or protected, while it was looked at.
    if (this.#deps.isOpen(file) || this.#holdOf(reason) !== undefined) {
      return { kind: 'kept', because: 'written' };
    }
    await unlink(file);
    for (const companion of (await this.#deps.companions?.(file)) ?? []) {
      await unlink(companion).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') {
          this.#deps.logger.warn(
            { file: companion, cause: explain(error) },
            'cannot delete what belongs to a recording',
          );
        }
      });
    }
    this.#deps.log.removed(file);
    this.#deps.freed?.(file, diskBytes);
    return { kind: 'deleted', diskBytes };
  }

  #gone(file: string): Deletion {
    this.#deps.log.removed(file);
    return { kind: 'gone' };
  }

  /** By every start that is known: a label that was put right later has protected the same pictures. */
  #isProtected({ path, startsUs }: DeletionCandidate, durationUs: number): boolean {
    return startsUs.some((us) => this.#deps.protection.isProtected(path, us, us + durationUs));
  }

  #tell(file: string, message: string): void {
    if (!this.#told.has(file) && this.#told.size < MAX_LOGGED) {
      this.#told.add(file);
      this.#deps.logger.debug({ file }, message);
    }
  }
}
