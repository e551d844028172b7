import type { Clock } from '../../base/clock.ts';

const LOOK_MS = 10_000;
/** No other name that a session may bear, such as a token's, looks like it by chance. */
const GUEST = /^guest:[\w-]{16}$/;

interface Watched {
  readonly id: string;
  readonly path: string;
  readonly user: string;
}

/** Sessions of one server, as the API lists them. */
export interface Watching {
  list(): readonly Watched[];
  kick(id: string): boolean;
}

interface RtspWatching extends Watching {
  list(): readonly (Watched & { readonly state: string })[];
}

/**
 * Of RTSP whoever does not publish: a program that does has sent its name and password, and is no device on which somebody is logged
 * in. Its stream, and what is recorded of it, goes on.
 */
export const withoutPublishers = (server: RtspWatching | undefined): Watching | undefined =>
  server && {
    list: () => server.list().filter(({ state }) => state !== 'publish'),
    kick: (id) => server.kick(id),
  };

/** The part of the accounts that is needed. */
export interface Watchers {
  person(name: string): { may(action: 'read', path: string): boolean } | undefined;
  readonly people: {
    onLess(listener: (name: string, isLoggedOut: boolean) => void): void;
    onDeviceRevoked(listener: (user: string) => void): void;
  };
}

/** The servers that have sessions. */
export interface WatchedServers {
  /** Those whose sessions are people's: without what programs publish over RTSP. */
  readonly watching: readonly (Watching | undefined)[];
  readonly all: readonly (Watching | undefined)[];
}

/**
 * Who watches is asked once, when he begins. This ends what people watch who may no longer, what guests watch whose time is over,
 * and everything that somebody watches from whom a log-in was taken: on his other devices the pages are back after two seconds.
 */
export class Departures {
  readonly #watchers: Watchers;
  readonly #servers: () => WatchedServers;
  readonly #stop: () => void;

  constructor(watchers: Watchers, servers: () => WatchedServers, clock: Clock) {
    this.#watchers = watchers;
    this.#servers = servers;
    watchers.people.onDeviceRevoked((user) => this.#endDevice(user));
    watchers.people.onLess((name, isLoggedOut) => this.#end((user) => user === name, isLoggedOut));
    this.#stop = clock.every(LOOK_MS, () => this.#end((user) => GUEST.test(user), false));
  }

  close(): void {
    this.#stop();
  }

  #endDevice(device: string): void {
    for (const server of this.#servers().all) {
      for (const { id, user } of server?.list() ?? []) {
        if (user === device) {
          server?.kick(id);
        }
      }
    }
  }

  #end(isMeant: (user: string) => boolean, isForAll: boolean): void {
    for (const server of this.#servers().watching) {
      for (const { id, path, user } of server?.list() ?? []) {
        if (isMeant(user) && (isForAll || this.#watchers.person(user)?.may('read', path) !== true)) {
          server?.kick(id);
        }
      }
    }
  }
}
