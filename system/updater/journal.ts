import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UPDATE_REASONS, type UpdateReason } from '../update/reasons.ts';
import { type Watched, watchedIn } from './watched.ts';

/** Steps of an update. Each is on the disk before its work begins. */
const STEPS = ['verified', 'installing', 'waiting', 'good', 'going back', 'gone back'] as const;
type Step = (typeof STEPS)[number];

export interface Journal {
  readonly step: Step;
  /** Id of the request. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Names of Debian packages in `work`, and of those in `kept` that they replace. */
  readonly packages: readonly string[];
  readonly previous: readonly string[];
  readonly watched: Watched;
  /** Boots since the new version is being watched. */
  readonly starts: number;
  readonly failures: number;
  /** Why it is rolled back: a word, and a text for users. */
  readonly why?: UpdateReason;
  readonly text?: string;
}

export interface Status {
  readonly id: string;
  readonly ok: boolean;
  readonly text: string;
  readonly state: 'installing' | 'waiting' | 'going back' | 'good' | 'gone back' | 'refused' | 'failed';
  readonly why?: UpdateReason;
  readonly from?: string;
  readonly to?: string;
  /** Progress of the system that is being written. */
  readonly percent?: number;
  /** RFC 3339. */
  readonly time: string;
}

/** The id of a status that answers no request of the page. */
export const NO_ID = '0'.repeat(32);

/** What must survive a power cut: files in root's own folder. */
export class Journals {
  readonly #file: string;
  readonly #status: string;
  readonly #answer: string;

  /** @param folder the updater's own @param answers in memory, where the agent reads */
  constructor(folder: string, answers: string) {
    this.#file = join(folder, 'journal.json');
    this.#status = join(folder, 'status.json');
    this.#answer = join(answers, 'update.json');
  }

  /** Undefined: no update is in progress. */
  read(): Journal | 'damaged' | undefined {
    try {
      return parseJournal(readFileSync(this.#file, 'utf8')) ?? 'damaged';
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') {
        return undefined;
      }
      throw error;
    }
  }

  write(journal: Journal): void {
    writeForGood(this.#file, journal);
  }

  say(status: Status): void {
    mkdirSync(dirname(this.#answer), { recursive: true });
    writeForGood(this.#answer, status);
  }

  /** The answer persists across a restart of the box. */
  keep(status: Status): void {
    writeForGood(this.#status, status);
  }

  /** The kept answer. Undefined: there is none, or a damaged one. */
  kept(): Readonly<Record<'state' | 'from', string>> | undefined {
    try {
      const { state, from } = objectIn(readFileSync(this.#status, 'utf8'));
      return typeof state === 'string' ? { state, from: typeof from === 'string' ? from : '' } : undefined;
    } catch {
      return undefined;
    }
  }

  remove(): void {
    rmSync(this.#file, { force: true });
    syncFolder(dirname(this.#file));
  }
}

/** @returns undefined for an invalid one: only a damaged disk leaves that */
export function parseJournal(text: string): Journal | undefined {
  const json = objectIn(text);
  const { id, from, to, starts, failures = 0 } = json;
  const step = STEPS.find((one) => one === json['step']);
  const why = UPDATE_REASONS.find((one) => one === json['why']);
  const [packages, previous] = [packagesIn(json['packages']), packagesIn(json['previous'])];
  const watched = watchedIn(json['watched']);
  if (!step || !packages || !previous || !watched || !isId(id) || !isCount(starts) || !isCount(failures)) {
    return undefined;
  }
  if (typeof from !== 'string' || typeof to !== 'string') {
    return undefined;
  }
  const said = typeof json['text'] === 'string' && { text: json['text'] };
  return { step, id, from, to, packages, previous, watched, starts, failures, ...(why && { why }), ...said };
}

export const isId = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

/** Names in a folder of root's. */
const packagesIn = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((one) => PACKAGE.test(String(one))) ? value : undefined;
const PACKAGE = /^perch(-node)?_[^/]+\.deb$/;

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** Writes the old text or the new one, never a part. */
function writeForGood(file: string, value: object): void {
  const temporary = `${file}.new`;
  const handle = openSync(temporary, 'w', 0o644);
  try {
    writeSync(handle, `${JSON.stringify(value)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  syncFolder(dirname(file));
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
