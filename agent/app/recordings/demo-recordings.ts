import { readFile } from 'node:fs/promises';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { writeAtomic } from '../../config/file/file.ts';
import type { SegmentHooks } from '../../paths/path-hooks.ts';
import { codeOf } from '../../record/file/disk-fault.ts';

/** A month of hourly files is 720. Files beyond the limit stay until they expire. */
const MAX_FILES = 2_000;

interface DemoRecordingsDeps {
  /** JSON, in the data folder. */
  readonly file: string;
  /** Deletes the selected recordings except protected ones. @throws PerchError */
  readonly remove: (isMeant: (file: string) => boolean) => Promise<unknown>;
  readonly removeEvents: () => Promise<unknown>;
  readonly isOpen: (file: string) => boolean;
  readonly log: Logger;
}

/**
 * Deletes the demo camera's recordings and events with the demo camera. Its files are known by the names noted at their start,
 * because a camera of the owner may have the demo's name.
 */
export class DemoRecordings {
  readonly #deps: DemoRecordingsDeps;
  #files: Set<string> | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWanted = true;

  constructor(deps: DemoRecordingsDeps) {
    this.#deps = deps;
  }

  /** Notes new recordings and forwards to `hooks`. */
  noting(hooks: SegmentHooks | undefined): SegmentHooks {
    return {
      segmentCreated: (file) => {
        this.#inTurn(() => this.#note(file));
        hooks?.segmentCreated(file);
      },
      segmentCompleted: (file, durationMs) => {
        hooks?.segmentCompleted(file, durationMs);
        // The last file is finished after the demo was removed.
        this.follow(this.#isWanted);
      },
    };
  }

  /**
   * Called after a configuration change. @param isWanted there is a demo camera; without it its recordings are deleted
   */
  follow(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) {
      this.#inTurn(() => this.#forget());
    }
  }

  close(): Promise<void> {
    return this.#work;
  }

  /** Files that cannot be deleted now are retried at the next change. */
  async #forget(): Promise<void> {
    const files = await this.#known();
    if (files.size === 0) {
      return;
    }
    try {
      await this.#deps.remove((file) => files.has(file));
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'notFound')) {
        throw error;
      }
    }
    await this.#deps.removeEvents();
    await this.#save(new Set([...files].filter((file) => this.#deps.isOpen(file))));
  }

  async #note(file: string): Promise<void> {
    await this.#save(new Set([...(await this.#known()), file].slice(-MAX_FILES)));
  }

  async #known(): Promise<ReadonlySet<string>> {
    this.#files ??= await readNames(this.#deps.file);
    return this.#files;
  }

  async #save(files: Set<string>): Promise<void> {
    this.#files = files;
    await writeAtomic(this.#deps.file, `${JSON.stringify([...files])}\n`);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#deps.log.warn({ cause: explain(error) }, 'cannot update the recordings of the demo camera');
    });
  }
}

async function readNames(file: string): Promise<Set<string>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') {
      return '[]';
    }
    throw error;
  });
  return parseFileNames(text);
}

/** The names in a file's text; none if it is invalid, and the recordings stay. */
export function parseFileNames(text: string): Set<string> {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return new Set();
  }
  const names = Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : [];
  return new Set(names.slice(-MAX_FILES));
}
