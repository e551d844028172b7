import { signal } from '@preact/signals';

interface Login {
  readonly user: string;
  readonly password: string;
}

/** A login that was typed for one camera and that it took. */
interface AcceptedLogin extends Login {
  /** The camera's name. */
  readonly title: string;
}

const same = ({ user, password }: Login): string => JSON.stringify([user, password]);

/**
 * What one camera took is offered to those that still want a password, but never twice to the same: some lock after a
 * few wrong ones. Nothing of it outlives the page.
 */
export class AcceptedLogins {
  readonly #newest = signal<AcceptedLogin | undefined>(undefined);
  readonly #tried = signal<ReadonlyMap<string, ReadonlySet<string>>>(new Map());

  /** The camera of this key was shown this login. */
  noteTried(key: string, login: Login): void {
    const tried = this.#tried.peek();
    this.#tried.value = new Map(tried).set(key, new Set(tried.get(key)).add(same(login)));
  }

  noteTaken({ user, password, title }: AcceptedLogin): void {
    this.#newest.value = { user, password, title };
  }

  /** For all of these cameras at once. @returns undefined where there is none that none of them has refused */
  offerFor(keys: readonly string[]): AcceptedLogin | undefined {
    const newest = this.#newest.value;
    const tried = this.#tried.value;
    return newest && !keys.some((key) => tried.get(key)?.has(same(newest))) ? newest : undefined;
  }
}
