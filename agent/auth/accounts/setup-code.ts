import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { explain } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';

/** Characters of a code: no 0/O and 1/I/L, because it is read from a screen and typed on a phone. 8 of 31 are 40 bits. */
const CODE_LETTERS = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
const CODE_CHARS = 8;

const SetupFacts = Type.Object({
  /** Such as `7KQF-2MXA`. */
  code: Type.String({ pattern: `^[${CODE_LETTERS}]{4}-[${CODE_LETTERS}]{4}$` }),
  /** Address of the page: `http://192.168.1.5:8080`. Absent until it is served. */
  url: Type.Optional(Type.String({ maxLength: 300 })),
});

/** Setup code and address of the page for a claim in a browser. */
export type SetupFacts = Static<typeof SetupFacts>;

const documentIn = (dataDir: string, log?: Logger) => new StoredDocument(join(dataDir, 'setup.json'), SetupFacts, log);

/** @returns undefined if there is an owner, or before the first start */
export const readSetup = (dataDir: string): Promise<SetupFacts | undefined> => documentIn(dataDir).load();

/** The next start creates a new code. */
export const forgetSetup = (dataDir: string): Promise<void> => documentIn(dataDir).remove();

/** The setup code of a box without owner, in `setup.json` of the data folder. It stays until the claim. */
export class SetupCode {
  readonly #document: StoredDocument<typeof SetupFacts>;
  readonly #log: Logger;
  #facts: SetupFacts | undefined;
  #url: string | undefined;

  /** Reads the code. `follow` creates one if there is none, or a damaged one. */
  static async open(dataDir: string, log: Logger): Promise<SetupCode> {
    return new SetupCode(dataDir, await readSetup(dataDir).catch(() => undefined), log);
  }

  private constructor(dataDir: string, facts: SetupFacts | undefined, log: Logger) {
    this.#document = documentIn(dataDir, log);
    this.#facts = facts;
    this.#log = log;
  }

  /** Undefined once there is an owner. */
  get facts(): SetupFacts | undefined {
    return this.#facts;
  }

  /** Creates a code if there is no owner, and removes it if there is one: in memory at once. */
  async follow(hasOwner: boolean): Promise<void> {
    if (hasOwner) {
      this.#facts = undefined;
      await this.#document
        .remove()
        .catch((error: unknown) => this.#log.warn({ cause: explain(error) }, 'removing the setup code failed'));
    } else if (!this.#facts) {
      const code = makeSetupCode();
      await this.#save(this.#url === undefined ? { code } : { code, url: this.#url });
    }
  }

  /** Stores the page's address for `perch claim --link` and the image's screen. */
  async setUrl(url: string): Promise<void> {
    this.#url = url;
    if (this.#facts && this.#facts.url !== url) {
      await this.#save({ ...this.#facts, url });
    }
  }

  async #save(facts: SetupFacts): Promise<void> {
    this.#facts = facts;
    await this.#document.trySave(() => facts, 'saving the setup code failed');
  }
}

/** A code such as `7KQF-2MXA`. */
export function makeSetupCode(): string {
  const letters = Array.from({ length: CODE_CHARS }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]);
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
}

/** Compares a typed code: case, blanks and dashes do not matter. */
export function isSetupCode(given: string, expected: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(expected));
}

const digestOf = (code: string): Buffer =>
  createHash('sha256')
    .update(code.toUpperCase().replace(/[^0-9A-Z]/g, ''))
    .digest();
