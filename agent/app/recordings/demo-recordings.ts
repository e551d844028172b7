import { readFile } from 'node:fs/promises';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { writeAtomic } from '../../config/file/file.ts';
import type { SegmentHooks } from '../../paths/path-hooks.ts';
import { codeOf } from '../../record/file/disk-fault.ts';

/** A month of whole hours is 720 files; what is forgotten stays until it is old enough. */
const MAX_FILES = 2_000;

interface DemoRecordingsDeps {
  /** JSON, in the data folder. */
  readonly file: string;
  /** Deletes those of them that are there; what is protected stays. @throws PerchError */
  readonly remove: (isMeant: (file: string) => boolean) => Promise<unknown>;
  /** It is still being written. */
  readonly isOpen: (file: string) => boolean;
  readonly log: Logger;
}

/**
 * What the demo camera has recorded goes with it: it is nobody's evidence. Its files are known by their names, each noted when
 * it was begun, because a camera of the owner's may have the demo's name.
 */
export class DemoRecordings {
  readonly #deps: DemoRecordingsDeps;
  #files: Set<string> | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWanted = true;

  constructor(deps: DemoRecordingsDeps) {
    this.#deps = deps;
  }

  /** Notes what is recorded from now on, and tells on. */
  noting(hooks: SegmentHooks | undefined): SegmentHooks {
    return {
      segmentCreated: (file) => {
        this.#inTurn(() => this.#note(file));
        hooks?.segmentCreated(file);
      },
      segmentCompleted: (file, durationMs) => {
        hooks?.segmentCompleted(file, durationMs);
        // The last one is finished after the demo has gone.
        this.follow(this.#isWanted);
      },
    };
  }

  /** The configuration has changed. @param isWanted whether there is a demo camera: without it what it has recorded goes */
  follow(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) {
      this.#inTurn(() => this.#forget());
    }
  }

  /** Nothing is under way any more. */
  close(): Promise<void> {
    return this.#work;
  }

  /** What could not be deleted now is tried again the next time. */
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
      this.#deps.log.warn({ cause: explain(error) }, 'what the demo camera has recorded stays for now');
    });
  }
}

async function readNames(file: string): Promise<Set<string>> {
  try {
    return parseFileNames(await readFile(file, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return new Set();
    }
    throw error;
  }
}

/** Nothing when it is no list: then its files stay. */
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
