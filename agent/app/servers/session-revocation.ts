import { type PairedServers, userOfServer } from '../../auth/pairing/paired-servers.ts';
import type { Clock } from '../../base/clock.ts';
import type { SessionItem, SessionTables } from '../../protocols/contract.ts';

const POLL_MS = 10_000;
type Action = 'read' | 'talk' | 'playback';
/** No other session name, such as a token's, has this form. */
const GUEST = /^guest:[\w-]{16}$/;

interface Watchers {
  person(name: string): { may(action: Action, path: string): boolean } | undefined;
  readonly people: {
    onRightsReduced(listener: (name: string, isLoggedOut: boolean) => void): void;
    onDeviceRevoked(listener: (user: string) => void): void;
  };
}

interface Live {
  readonly user: string;
  readonly path: string;
  /** What it needs. A page or a paired server that publishes talks through the camera. */
  readonly action: Action;
  /** A publishing program has sent its own name and password. */
  readonly isProgram: boolean;
  end(): void;
}

/**
 * Access is checked once, when playback starts. This ends sessions of people who lose the permission, of guests whose
 * time is over, and all sessions of a person whose login was revoked: on other devices the page reconnects after two
 * seconds.
 */
export class SessionRevocation {
  readonly #watchers: Watchers;
  readonly #sessions: SessionTables;
  readonly #stop: () => void;

  constructor(watchers: Watchers, sessions: SessionTables, clock: Clock) {
    this.#watchers = watchers;
    this.#sessions = sessions;
    watchers.people.onDeviceRevoked((device) => this.#endDevice(device));
    watchers.people.onRightsReduced((name, isLoggedOut) => this.#end((user) => user === name, isLoggedOut));
    this.#stop = clock.every(POLL_MS, () => this.#end((user) => GUEST.test(user), false));
  }

  close(): void {
    this.#stop();
  }

  /** Ends what paired servers play and no longer may. */
  follow(servers: Pick<PairedServers, 'onReduced' | 'find'>): void {
    servers.onReduced((id) => {
      const server = servers.find(id);
      for (const { user, action, path, end } of this.#live()) {
        if (user === userOfServer(id) && server?.may(action, path) !== true) {
          end();
        }
      }
    });
  }

  #endDevice(device: string): void {
    for (const { user, end } of this.#live()) {
      if (user === device) {
        end();
      }
    }
  }

  #end(isMeant: (user: string) => boolean, isForAll: boolean): void {
    for (const { user, path, isProgram, action, end } of this.#live()) {
      const isAllowed = !isForAll && this.#watchers.person(user)?.may(action, path) === true;
      if (isMeant(user) && !isProgram && !isAllowed) {
        end();
      }
    }
  }

  #live(): Live[] {
    return this.#sessions.kinds.flatMap((kind) => {
      const table = this.#sessions.table(kind);
      const items: readonly SessionItem[] = table?.kick ? table.list() : [];
      return items.flatMap(({ id, user, path = '', state, action }) => {
        const isPublishing = state === 'publish';
        const isProgram = isPublishing && kind.isUsedByPages !== true;
        return id === undefined || user === undefined
          ? []
          : [
              {
                user,
                path,
                action: action ?? (isPublishing ? 'talk' : 'read'),
                isProgram,
                end: () => void table?.kick?.(id),
              },
            ];
      });
    });
  }
}
