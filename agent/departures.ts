import type { Clock } from './base/clock.ts';

const LOOK_MS = 10_000;
/** No other name that a session may bear, such as a token's, looks like it by chance. */
const GUEST = /^guest:[\w-]{16}$/;

/** Sessions of one server, as the API lists them. */
export interface Watching {
  list(): readonly { readonly id: string; readonly path: string; readonly user: string }[];
  kick(id: string): boolean;
}

/** The part of the accounts that is needed. */
export interface Watchers {
  person(name: string): { may(action: 'read', path: string): boolean } | undefined;
  readonly people: { onLess(listener: (name: string) => void): void };
}

/** A session is asked once, when it begins. This ends those of people who may no longer watch, and of guests whose time is over. */
export class Departures {
  readonly #watchers: Watchers;
  readonly #servers: () => readonly (Watching | undefined)[];
  readonly #stop: () => void;

  constructor(watchers: Watchers, servers: () => readonly (Watching | undefined)[], clock: Clock) {
    this.#watchers = watchers;
    this.#servers = servers;
    watchers.people.onLess((name) => this.#end((user) => user === name));
    this.#stop = clock.every(LOOK_MS, () => this.#end((user) => GUEST.test(user)));
  }

  close(): void {
    this.#stop();
  }

  #end(isMeant: (user: string) => boolean): void {
    for (const server of this.#servers()) {
      for (const { id, path, user } of server?.list() ?? []) {
        if (isMeant(user) && this.#watchers.person(user)?.may('read', path) !== true) {
          server?.kick(id);
        }
      }
    }
  }
}
