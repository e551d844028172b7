import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { parseJson } from '../../base/files/parse-json.ts';
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
  /** Deletes the events that started between these Unix times. */
  readonly removeEvents: (fromUs: number, untilUs: number) => Promise<unknown>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly isOpen: (file: string) => boolean;
  readonly log: Logger;
}

/** What the demo camera has left. */
interface Left {
  readonly files: ReadonlySet<string>;
  /** The path was the demo camera's between these Unix times. `untilUs` is undefined while it still is, both are if it has left nothing. */
  readonly fromUs?: number;
  readonly untilUs?: number;
}

/**
 * Deletes the demo camera's recordings and events with the demo camera. Its files are known by the names noted at their start,
 * its events by their times, because a camera of the owner may have the demo's name.
 */
export class DemoRecordings implements SegmentHooks {
  readonly #deps: DemoRecordingsDeps;
  #left: Left | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWanted = true;

  constructor(deps: DemoRecordingsDeps) {
    this.#deps = deps;
  }

  /** Notes a new recording. */
  segmentCreated(file: string): void {
    this.#inTurn(() => this.#note(file));
  }

  /** The last file is finished after the demo was removed. */
  segmentCompleted(): void {
    this.follow(this.#isWanted);
  }

  /**
   * Called when the paths have new settings. @param isWanted there is a demo camera; without it its recordings are deleted
   */
  follow(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#inTurn(() => (isWanted ? this.#begin() : this.#forget()));
  }

  close(): Promise<void> {
    return this.#work;
  }

  async #begin(): Promise<void> {
    const { files, fromUs, untilUs } = await this.#known();
    if (fromUs === undefined || untilUs !== undefined) {
      await this.#save({ files, fromUs: this.#nowUs() });
    }
  }

  /** Files that cannot be deleted now are retried at the next change, as is an event whose end was reported late. */
  async #forget(): Promise<void> {
    const { files, fromUs, untilUs } = await this.#known();
    if (files.size === 0 && fromUs === undefined) {
      return;
    }
    const range = fromUs === undefined ? {} : { fromUs, untilUs: untilUs ?? this.#nowUs() };
    await this.#save({ files, ...range });
    if (range.untilUs !== undefined) {
      await this.#deps.removeEvents(range.fromUs, range.untilUs);
    }
    if (files.size > 0) {
      await this.#remove(files);
    }
    const open = new Set([...files].filter((file) => this.#deps.isOpen(file)));
    await this.#save({ files: open, ...(open.size === 0 && untilUs !== undefined ? {} : range) });
  }

  async #remove(files: ReadonlySet<string>): Promise<void> {
    try {
      await this.#deps.remove((file) => files.has(file));
    } catch (error) {
      if (!(error instanceof PerchError && error.code === 'notFound')) {
        throw error;
      }
    }
  }

  async #note(file: string): Promise<void> {
    const left = await this.#known();
    await this.#save({ ...left, files: new Set([...left.files, file].slice(-MAX_FILES)) });
  }

  async #known(): Promise<Left> {
    this.#left ??= await readLeft(this.#deps.file);
    return this.#left;
  }

  /** An equal text is not written again, to spare flash cards. */
  async #save(left: Left): Promise<void> {
    const text = leftText(left);
    if (this.#left === undefined || text !== leftText(this.#left)) {
      await writeAtomic(this.#deps.file, text);
    }
    this.#left = left;
  }

  #nowUs(): number {
    return Math.round(this.#deps.clock.wallMs() * 1000);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#deps.log.warn({ cause: explain(error) }, 'cannot update the recordings of the demo camera');
    });
  }
}

const leftText = ({ files, fromUs, untilUs }: Left): string =>
  `${JSON.stringify({ files: [...files], fromUs, untilUs })}\n`;

async function readLeft(file: string): Promise<Left> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') {
      return '';
    }
    throw error;
  });
  return parseLeft(text);
}

/** Nothing if the text is invalid: recordings and events stay. A list of names alone is of an earlier version, which knew no times. */
export function parseLeft(text: string): Left {
  const value = parseJson(text);
  if (Array.isArray(value)) {
    return { files: namesOf(value) };
  }
  const { files, fromUs, untilUs } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const names = Array.isArray(files) ? namesOf(files) : new Set<string>();
  if (!isTime(fromUs)) {
    return { files: names };
  }
  return { files: names, fromUs, ...(isTime(untilUs) && { untilUs }) };
}

const namesOf = (list: readonly unknown[]): Set<string> =>
  new Set(list.filter((one): one is string => typeof one === 'string').slice(-MAX_FILES));
const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
