import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { UpdateReason } from '../update/reasons.ts';

/** How far an update has come. Each is on the disk before what it says is begun. */
export type Step = 'verified' | 'installing' | 'waiting' | 'good' | 'going back' | 'gone back';

/** Where the new version is seen to work. */
export interface Watched {
  /** Of the page over http. */
  readonly host: string;
  readonly port: number;
  /** In which something is being recorded; empty: nothing is. */
  readonly folders: readonly string[];
  /** The version before was not healthy. */
  readonly wasIll?: boolean;
}

export interface Journal {
  readonly step: Step;
  /** Of the request. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Names of Debian packages in `work`, and of those in `kept` that they take the place of. */
  readonly packages: readonly string[];
  readonly previous: readonly string[];
  readonly watched: Watched;
  /** How often the machine has been started while the new version was being watched. */
  readonly starts: number;
  /** Why it goes back: a word, and a text for people. */
  readonly why?: UpdateReason;
  readonly text?: string;
}

/** What the agent and the page are told. */
export interface Status {
  readonly id: string;
  readonly ok: boolean;
  readonly text: string;
  readonly state: 'installing' | 'waiting' | 'going back' | 'good' | 'gone back' | 'refused' | 'failed';
  readonly why?: UpdateReason;
  readonly from?: string;
  readonly to?: string;
  /** RFC 3339. */
  readonly time: string;
}

/** What has to survive a power cut: files of root's own folder. */
export class Journals {
  readonly #file: string;
  readonly #status: string;
  readonly #answer: string;

  /** @param folder the updater's own @param answers where the agent looks, in memory */
  constructor(folder: string, answers: string) {
    this.#file = join(folder, 'journal.json');
    this.#status = join(folder, 'status.json');
    this.#answer = join(answers, 'update.json');
  }

  /** Undefined: no update is under way. */
  read(): Journal | undefined {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as Journal;
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

  /** It is over: what is said stays, also when the machine is started anew. */
  end(status: Status): void {
    writeForGood(this.#status, status);
    this.say(status);
    rmSync(this.#file, { force: true });
    syncFolder(dirname(this.#file));
  }
}

/** The old text or the new one, never a part. */
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
