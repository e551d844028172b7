import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { writeAtomic } from '../../config/file.ts';
import type { LoginMemory, RefusedLogin } from './login-memory.ts';

const MAX_AGE_MS = 30 * 60_000;
const MAX_LOCK_MS = 24 * 3_600_000;
const MAX_LOGINS = 1_024;
const MAX_REFUSALS = 100;

/**
 * Which logins cameras have refused lately, in a JSON file of the data folder: a program that ends and begins again and again must not
 * lock an account that one run alone would not. Nothing of passwords is in it. Without it every login is new.
 */
export class LoginFile {
  readonly #file: string;
  readonly #memory: LoginMemory;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #onFault: (text: string) => void;
  #saving: Promise<void> = Promise.resolve();
  #isWaiting = false;

  constructor(file: string, memory: LoginMemory, clock: Pick<Clock, 'wallMs'>, onFault: (text: string) => void) {
    this.#file = file;
    this.#memory = memory;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Reads what there is, and keeps it from now on. Never rejects. */
  async open(): Promise<void> {
    try {
      this.#memory.restore(parseLogins(await readFile(this.#file, 'utf8'), this.#clock.wallMs()));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#onFault(`cannot read ${this.#file}: which logins cameras have refused is not known (${explain(error)})`);
      }
    }
    this.#memory.onChange = () => this.#save();
  }

  /** When all is written. */
  async close(): Promise<void> {
    this.#memory.onChange = () => {};
    await this.#saving;
  }

  #save(): void {
    if (this.#isWaiting) {
      return;
    }
    this.#isWaiting = true;
    this.#saving = this.#saving
      .then(() => {
        this.#isWaiting = false;
        return writeAtomic(this.#file, this.#text());
      })
      .catch((error: unknown) => this.#onFault(`cannot write ${this.#file} (${explain(error)})`));
  }

  #text(): string {
    const content = { version: 1, savedAtMs: this.#clock.wallMs(), logins: this.#memory.refusals() };
    return `${JSON.stringify(content, undefined, 1)}\n`;
  }
}

/** What is wrong in it is left out. A clock that was set back meanwhile makes nothing longer than it was. */
function parseLogins(text: string, nowMs: number): RefusedLogin[] {
  const { logins, savedAtMs } = (JSON.parse(text) ?? {}) as { logins?: unknown; savedAtMs?: unknown };
  const sinceMs = typeof savedAtMs === 'number' ? Math.max(0, nowMs - savedAtMs) : 0;
  const found: RefusedLogin[] = [];
  for (const value of Array.isArray(logins) ? logins.slice(0, MAX_LOGINS) : []) {
    const { login, refusals, agoMs, lockedForMs } = (value ?? {}) as Record<string, unknown>;
    if (
      typeof login === 'string' &&
      typeof refusals === 'number' &&
      typeof agoMs === 'number' &&
      typeof lockedForMs === 'number'
    ) {
      found.push({
        login: login.slice(0, 1_000),
        refusals: between(refusals, 0, MAX_REFUSALS),
        agoMs: between(agoMs + sinceMs, 0, MAX_AGE_MS),
        lockedForMs: between(lockedForMs - sinceMs, 0, MAX_LOCK_MS),
      });
    }
  }
  return found;
}

const between = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
