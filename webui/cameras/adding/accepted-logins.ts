import { signal } from '@preact/signals';

interface Login {
  readonly user: string;
  readonly password: string;
}

/** A login that one camera has accepted. */
interface AcceptedLogin extends Login {
  readonly title: string;
}

const same = ({ user, password }: Login): string => JSON.stringify([user, password]);

/**
 * Offers an accepted login to the cameras that still need one, once each: some lock after a few wrong passwords. Kept
 * until the page closes.
 */
export class AcceptedLogins {
  readonly #newest = signal<AcceptedLogin | undefined>(undefined);
  readonly #tried = signal<ReadonlyMap<string, ReadonlySet<string>>>(new Map());

  /** The login was tried on this camera. */
  noteTried(key: string, login: Login): void {
    const tried = this.#tried.peek();
    this.#tried.value = new Map(tried).set(key, new Set(tried.get(key)).add(same(login)));
  }

  noteTaken({ user, password, title }: AcceptedLogin): void {
    this.#newest.value = { user, password, title };
  }

  /** The newest accepted login, to offer for all of these cameras. @returns undefined if each known login was rejected by one of them */
  offerFor(keys: readonly string[]): AcceptedLogin | undefined {
    const newest = this.#newest.value;
    const tried = this.#tried.value;
    return newest && !keys.some((key) => tried.get(key)?.has(same(newest))) ? newest : undefined;
  }
}
