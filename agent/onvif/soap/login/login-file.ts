import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { writeAtomic } from '../../../config/file/file.ts';
import type { LoginMemory, Seal } from './login-memory.ts';
import { type KeptLogins, parseLogins } from './shown-logins.ts';

const VERSION = 2;

/**
 * Which logins cameras have taken and which they have refused lately, in a JSON file of the data folder: one that was taken goes ahead
 * at once in the next run, and a program that ends and begins again and again locks no account. In the place of hosts, users and
 * passwords it has hashes under a key that another file has. Without it every login is new.
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
  async open(seal: Seal): Promise<void> {
    let kept: KeptLogins = { logins: [], locks: [] };
    try {
      kept = readLogins(await readFile(this.#file, 'utf8'), this.#clock.wallMs());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#onFault(`cannot read ${this.#file}: which logins cameras have refused is not known (${explain(error)})`);
      }
    }
    this.#memory.restore(seal, kept);
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
    const content = { version: VERSION, savedAtMs: this.#clock.wallMs(), ...this.#memory.keep() };
    return `${JSON.stringify(content, undefined, 1)}\n`;
  }
}

/** Other versions have nothing that can be used. */
function readLogins(text: string, nowMs: number): KeptLogins {
  const content = (JSON.parse(text) ?? {}) as { version?: unknown; savedAtMs?: unknown };
  const sinceMs = typeof content.savedAtMs === 'number' ? Math.max(0, nowMs - content.savedAtMs) : 0;
  return parseLogins(content.version === VERSION ? content : {}, sinceMs);
}
