import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { writeAtomic } from '../../../config/file/file.ts';
import { type KeyedHash, type LoginMemory, sharedLogins } from './login-memory.ts';
import { parseLogins, type StoredLogins } from './login-verdict.ts';

const VERSION = 3;

/**
 * Accepted and recently rejected logins, in a JSON file of the data folder: an accepted login is used at once in the next run, and a
 * program that restarts repeatedly, or a command that is repeated, locks no account. Hosts, users and passwords are hashes under a key from
 * another file; without that key every login is new.
 */
export class LoginFile {
  readonly #file: string;
  readonly #memory: LoginMemory;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #onFault: (text: string) => void;
  #saving: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #stop: () => void = () => {};

  constructor(file: string, memory: LoginMemory, clock: Pick<Clock, 'wallMs'>, onFault: (text: string) => void) {
    this.#file = file;
    this.#memory = memory;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Restores the file and saves changes from now on. Never rejects. */
  async open(hash: KeyedHash): Promise<void> {
    let stored: StoredLogins = { logins: [], locks: [] };
    try {
      stored = await this.#read();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#onFault(`cannot read ${this.#file}: rejected logins of earlier runs are unknown (${explain(error)})`);
      }
    }
    this.#memory.restore(hash, stored);
    this.#memory.readBefore(() => this.#adoptOthers());
    this.#stop = this.#memory.onChange(() => this.#save());
  }

  /** Resolves when all changes until now are in the file. Never rejects. */
  saved(): Promise<void> {
    return this.#saving;
  }

  async close(): Promise<void> {
    this.#stop();
    this.#memory.readBefore(undefined);
    await this.saved();
  }

  #save(): void {
    if (this.#isWaiting) {
      return;
    }
    this.#isWaiting = true;
    this.#saving = this.#saving
      .then(async () => {
        this.#isWaiting = false;
        await this.#adoptOthers();
        return writeAtomic(this.#file, this.#text());
      })
      .catch((error: unknown) => this.#onFault(`cannot write ${this.#file} (${explain(error)})`));
  }

  /** Never rejects: without a file there are no others. */
  async #adoptOthers(): Promise<void> {
    const others = await this.#read().catch(() => undefined);
    if (others) {
      this.#memory.adopt(others);
    }
  }

  async #read(): Promise<StoredLogins> {
    return readLogins(await readFile(this.#file, 'utf8'), this.#clock.wallMs());
  }

  #text(): string {
    const content = { version: VERSION, savedAtMs: this.#clock.wallMs(), ...this.#memory.store() };
    return `${JSON.stringify(content, undefined, 1)}\n`;
  }
}

/** Restores and saves the login verdicts of all cameras in the data folder. Never rejects. */
export async function openStoredLogins(
  dataDir: string,
  hash: KeyedHash,
  clock: Clock,
  log: Logger,
): Promise<LoginFile> {
  const onFault = (reason: string) => log.warn({ reason }, 'login verdicts of cameras are not saved');
  const file = new LoginFile(join(dataDir, 'camera-logins.json'), sharedLogins, clock, onFault);
  await file.open(hash);
  return file;
}

/** Files of other versions are ignored. */
function readLogins(text: string, nowMs: number): StoredLogins {
  const content = (JSON.parse(text) ?? {}) as { version?: unknown; savedAtMs?: unknown };
  const sinceMs = typeof content.savedAtMs === 'number' ? Math.max(0, nowMs - content.savedAtMs) : 0;
  return parseLogins(content.version === VERSION ? content : {}, sinceMs);
}
