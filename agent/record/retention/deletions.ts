import { rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { DAY_US } from '../../base/time/units.ts';
import { codeOf } from '../file/disk-fault.ts';
import type { SegmentLog } from '../file/segment-log.ts';
import type { DeletionReason, DeletionTrace } from './deletion-trace.ts';
import { ownershipOf } from './ownership.ts';

/** Leaves an SD card time for recording. */
const DELETION_PAUSE_MS = 20;

/** Why nothing is deleted by age, for programs: protected ranges, time or date are unknown. */
export type DeletionHold = 'protection' | 'clock' | 'date';

interface Protection {
  /** Why protected ranges are unknown: nothing may be deleted then. */
  readonly fault: string | undefined;
  isProtected(path: string, fromUs: number, toUs: number): boolean;
}

export interface DeletionDeps {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly log: Pick<SegmentLog, 'removed'>;
  readonly isOpen: (file: string) => boolean;
  readonly protection: Protection;
  /** The wall clock is set: ages are meaningful. */
  readonly isClockTrusted: () => boolean;
  /** Why the date may be wrong by years, or undefined if it is not. The order of recordings is right in either case. */
  readonly dateDoubt?: (() => string | undefined) | undefined;
  /** Whether the archive still has to copy the recording, which is then not deleted by age. */
  readonly isAwaited?: (doomed: DeletionCandidate) => boolean;
  readonly trace?: Pick<DeletionTrace, 'deleted' | 'endSweep'>;
  readonly companions?: (file: string) => Promise<readonly string[]>;
  readonly freed?: (file: string, diskBytes: number) => void;
  /** A recording was deleted to make room. */
  readonly madeRoom?: (path: string, endUs: number) => void;
  /** Called when a person deletes a recording: its copies are deleted, too. */
  readonly deletedByHand?: (path: string, nameUs: number, file: string) => void;
  readonly logger: Logger;
}

export interface DeletionCandidate {
  readonly file: string;
  readonly path: string;
  /** All known starts, Unix microseconds: the shown one first, that of the file name last. */
  readonly startsUs: readonly number[];
  /** Default: read from the file. */
  readonly durationUs?: number;
  /** One of the starts is certain, even if the name came from an unset clock. */
  readonly isDated: boolean;
}

export type Deletion =
  | { readonly kind: 'deleted'; readonly diskBytes: number }
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'kept';
      readonly because: 'written' | 'protected' | 'not ours' | 'undated' | 'no recording' | 'awaited' | 'refused';
    };

/**
 * The only place that deletes recordings: by age, for space, or on request. Verifies each file first. Keeps protected
 * and growing recordings and other files, and everything while the clock is not set.
 */
export class Deletions {
  readonly #deps: DeletionDeps;
  readonly #logged = new Set<string>();
  #loggedHold: string | undefined;
  #loggedDoubt: string | undefined;

  constructor(deps: DeletionDeps) {
    this.#deps = deps;
  }

  get hold(): string | undefined {
    const { protection, isClockTrusted, dateDoubt, logger } = this.#deps;
    const whyNot = () => dateDoubt?.() ?? 'the clock has not been set since boot';
    const hold = protection.fault ?? (isClockTrusted() ? undefined : whyNot());
    if (hold !== this.#loggedHold) {
      this.#loggedHold = hold;
      if (hold !== undefined) {
        logger[protection.fault === undefined ? 'warn' : 'error']({ because: hold }, 'no recordings are deleted');
      }
    }
    return hold;
  }

  get ageHold(): string | undefined {
    const { dateDoubt, logger } = this.#deps;
    const { hold } = this;
    if (hold !== undefined) {
      return hold;
    }
    const doubt = dateDoubt?.();
    if (doubt !== this.#loggedDoubt) {
      this.#loggedDoubt = doubt;
      if (doubt === undefined) {
        logger.info('the date is correct, deleting by age resumes');
      } else {
        logger.warn({ because: doubt }, 'no recordings are deleted by age');
      }
    }
    return doubt;
  }

  get ageHoldWord(): DeletionHold | undefined {
    const { protection, isClockTrusted, dateDoubt } = this.#deps;
    if (protection.fault !== undefined) {
      return 'protection';
    }
    return dateDoubt?.() === undefined ? (isClockTrusted() ? undefined : 'clock') : 'date';
  }

  /**
   * @param reason for 'space' and 'size' only recordings with a mark of Perch are deleted; by 'age' those with a known start; by 'hand' any
   * readable recording
   */
  async delete(doomed: DeletionCandidate, reason: DeletionReason): Promise<Deletion> {
    const { file } = doomed;
    const { isOpen, logger } = this.#deps;
    if (this.#holdOf(reason) !== undefined) {
      return { kind: 'kept', because: 'refused' };
    }
    if (isOpen(file)) {
      return { kind: 'kept', because: 'written' };
    }
    // Skips protected recordings, and those that the archive has yet to copy, without opening their files.
    if (doomed.durationUs && this.#isProtected(doomed, doomed.durationUs)) {
      return { kind: 'kept', because: 'protected' };
    }
    if (reason === 'age' && this.#deps.isAwaited?.(doomed)) {
      return { kind: 'kept', because: 'awaited' };
    }
    try {
      const found = await ownershipOf(file);
      if (!found) {
        return this.#gone(file);
      }
      if (found.writer === 'none') {
        this.#logUnmarked(file);
        return { kind: 'kept', because: 'no recording' };
      }
      if ((reason === 'space' || reason === 'size') && found.writer !== 'perch') {
        return { kind: 'kept', because: 'not ours' };
      }
      if (reason === 'age' && !found.isDated && !doomed.isDated) {
        return { kind: 'kept', because: 'undated' };
      }
      // An unknown duration is taken to be the maximum of `recordSegmentDuration`.
      if (this.#isProtected(doomed, found.durationMs > 0 ? found.durationMs * 1000 : DAY_US)) {
        return { kind: 'kept', because: 'protected' };
      }
      const deletion = await this.#unlink(file, found.diskBytes, reason);
      if (deletion.kind === 'deleted' && reason === 'hand') {
        this.#deps.deletedByHand?.(doomed.path, doomed.startsUs.at(-1) ?? 0, file);
      }
      if (deletion.kind === 'deleted') {
        const [startUs = 0] = doomed.startsUs;
        const endUs = startUs + (found.durationMs * 1000 || doomed.durationUs || 0);
        this.#deps.trace?.deleted(doomed.path, reason, startUs, endUs, found.diskBytes);
        if (reason === 'space' || reason === 'size') {
          this.#deps.madeRoom?.(doomed.path, endUs);
        }
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

  async pause(signal: AbortSignal): Promise<void> {
    await this.#deps.clock.sleep(DELETION_PAUSE_MS, signal);
  }

  /** Removes empty folders and their empty parents below `top`. */
  async removeEmptyFolders(top: string, touched: Iterable<string>): Promise<void> {
    for (const first of touched) {
      for (let folder = first; folder.startsWith(`${top}/`); folder = dirname(folder)) {
        // Fails for a folder that is not empty.
        const fault = await rmdir(folder).catch((error: unknown) => error);
        if (fault) {
          break;
        }
      }
    }
  }

  endSweep(): void {
    this.#deps.trace?.endSweep();
  }

  #holdOf(reason: DeletionReason): string | undefined {
    // A user's choice does not depend on the clock.
    return reason === 'hand' ? this.#deps.protection.fault : reason === 'age' ? this.ageHold : this.hold;
  }

  async #unlink(file: string, diskBytes: number, reason: DeletionReason): Promise<Deletion> {
    // While the file was read, it may have been opened again, or deletion may have been put on hold.
    if (this.#deps.isOpen(file) || this.#holdOf(reason) !== undefined) {
      return { kind: 'kept', because: 'written' };
    }
    await unlink(file);
    for (const companion of (await this.#deps.companions?.(file)) ?? []) {
      await unlink(companion).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') {
          const facts = { file: companion, cause: explain(error) };
          this.#deps.logger.warn(facts, 'cannot delete a companion file of a recording');
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

  /** By every known start: a corrected label protects the same recording. */
  #isProtected({ path, startsUs }: DeletionCandidate, durationUs: number): boolean {
    return startsUs.some((us) => this.#deps.protection.isProtected(path, us, us + durationUs));
  }

  #logUnmarked(file: string): void {
    // Skipped files, so that each is logged once.
    if (!this.#logged.has(file) && this.#logged.size < 1_000) {
      this.#logged.add(file);
      this.#deps.logger.debug({ file }, 'never deleted: no mark of Perch or MediaMTX');
    }
  }
}
