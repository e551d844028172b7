import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';

const MAX_LOGINS = 100;
/** How long a program is listed after its last login. */
const KEPT_MS = 30 * 86_400_000;
/** How often the time of a known login is saved: SD cards wear with every write. */
const SAVE_STEP_MS = 3_600_000;
/** How long a client whose Digest answer failed is offered Basic instead. */
const BASIC_MS = 10 * 60_000;

const Login = Type.Object({
  user: Type.String({ maxLength: 64 }),
  address: Type.String({ maxLength: 64 }),
  /** Such as `rtsp` or `playback`. */
  protocol: Type.String({ maxLength: 32 }),
  /** Unix milliseconds. */
  last: Type.Number(),
});
type Login = Static<typeof Login>;
const LoginsFile = Type.Object({ logins: Type.Array(Login, { maxItems: MAX_LOGINS }) });

interface LoginItem extends Login {
  readonly id: string;
}

/**
 * Programs that log in with a person's page password, in `page-logins.json` of the data folder. The page lists them, and RTSP offers their
 * addresses only Basic: clients prefer Digest, and a page password cannot answer that.
 */
export class PageLogins {
  readonly #document: StoredDocument<typeof LoginsFile>;
  readonly #clock: Clock;
  /** Logins, the least recently used first. */
  readonly #logins = new Map<string, Login>();
  /** Addresses whose Digest answer failed, with the end of the Basic offer. */
  readonly #failed = new Map<string, number>();
  #savedMonoMs: number;

  static async open(dataDir: string, clock: Clock, log: Logger): Promise<PageLogins> {
    const logins = new PageLogins(dataDir, clock, log);
    await logins.#load();
    return logins;
  }

  private constructor(dataDir: string, clock: Clock, log: Logger) {
    this.#document = new StoredDocument(join(dataDir, 'page-logins.json'), LoginsFile, log);
    this.#clock = clock;
    this.#savedMonoMs = clock.monoMs();
  }

  /** The logins, latest first. */
  list(): readonly LoginItem[] {
    const sinceMs = this.#clock.wallMs() - KEPT_MS;
    return [...this.#logins.values()]
      .filter(({ last }) => last >= sinceMs)
      .map((login) => ({ ...login, id: idOf(login) }))
      .reverse();
  }

  /** Call this when a program has logged in with a page password. @param address canonical */
  note(user: string, address: string, protocol: string): void {
    const login = { user, address, protocol, last: this.#clock.wallMs() };
    const key = loginKey(login);
    const isNew = !this.#logins.has(key);
    putBounded(this.#logins, key, login, MAX_LOGINS);
    if (isNew || this.#clock.monoMs() - this.#savedMonoMs >= SAVE_STEP_MS) {
      this.#savedMonoMs = this.#clock.monoMs();
      void this.#document.trySave(() => this.#stored(), 'saving logins with page passwords failed');
    }
  }

  /** @returns false if there is no such login */
  async forget(id: string): Promise<boolean> {
    const login = this.list().find((item) => item.id === id);
    if (login) {
      this.#logins.delete(loginKey(login));
      this.#savedMonoMs = this.#clock.monoMs();
      await this.#document.save(() => this.#stored());
    }
    return login !== undefined;
  }

  /** To be called for a wrong Digest answer, which may have been made with a page password. */
  digestFailed(address: string): void {
    const key = subscriberOf(address);
    putBounded(this.#failed, key, this.#clock.monoMs() + BASIC_MS, 1_000);
  }

  /** Whether the protocol offers this address only Basic. */
  wantsBasic(address: string, over: string): boolean {
    const key = subscriberOf(address);
    const sinceMs = this.#clock.wallMs() - KEPT_MS;
    const isKnown = [...this.#logins.values()].some(
      ({ protocol, address: known, last }) => protocol === over && subscriberOf(known) === key && last >= sinceMs,
    );
    return isKnown || (this.#failed.get(key) ?? 0) > this.#clock.monoMs();
  }

  async #load(): Promise<void> {
    const loss = 'logins with page passwords cannot be read: each is listed again at its next use';
    for (const login of (await this.#document.open(loss))?.logins ?? []) {
      this.#logins.set(loginKey(login), login);
    }
  }

  #stored(): { readonly logins: readonly Login[] } {
    return { logins: [...this.#logins.values()] };
  }
}

const loginKey = ({ user, address, protocol }: Omit<Login, 'last'>): string =>
  JSON.stringify([user, address, protocol]);

const idOf = (login: Login): string => createHash('sha256').update(loginKey(login)).digest('base64url').slice(0, 16);
