import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Call } from '../server/contract.ts';
import { fault } from '../server/soap.ts';

export interface SearchPage {
  /** XML of each result. */
  readonly results: readonly string[];
  readonly isComplete: boolean;
}

/** A search that goes on with each request for results. */
interface Search {
  readonly id: string;
  readonly kind: 'recordings' | 'events';
  readonly path: string;
  readonly user: string | undefined;
  readonly keepMs: number;
  /** @param limit most results */
  next(limit: number): Promise<SearchPage>;
  /** Unix microseconds up to which it has come. */
  reachedUs(): number;
  endsMs: number;
  isComplete: boolean;
}

const NO_MORE: SearchPage = { results: [], isComplete: true };

/** The searches of recorders. */
export class Searches {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #open = new Map<string, Search>();

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
  }

  /** @returns the token @throws PerchError exhausted */
  start({ camera, user }: Call, search: Pick<Search, 'kind' | 'keepMs' | 'next' | 'reachedUs'>): string {
    this.#removeExpired();
    const ofLogin = [...this.#open.values()].filter((other) => other.user === user);
    const atCamera = ofLogin.filter(({ path }) => path === camera.path);
    requireRoom(atCamera.length, 8, `searches of this login at camera '${camera.path}' are open`);
    // A recorder has one login for all of its cameras.
    requireRoom(ofLogin.length, 32, 'searches of this login are open');
    // Each keeps at most one step of changes.
    requireRoom(this.#open.size, 64, 'searches are open');
    const id = randomBytes(12).toString('hex');
    const endsMs = this.#clock.monoMs() + search.keepMs;
    // One page after the other: two requests at once would walk through the same step.
    let turn: Promise<SearchPage> = Promise.resolve(NO_MORE);
    const next = (limit: number): Promise<SearchPage> => {
      turn = turn.catch(() => NO_MORE).then(() => this.#page(search, opened, limit));
      return turn;
    };
    const opened: Search = { ...search, next, id, path: camera.path, user, endsMs, isComplete: false };
    this.#open.set(id, opened);
    return id;
  }

  /** @throws PerchError a fault if it is unknown, expired, or another login's */
  find({ camera, user }: Call, id: string | undefined, kind?: Search['kind']): Search {
    this.#removeExpired();
    const search = this.#open.get(id ?? '');
    if (!search || search.path !== camera.path || search.user !== user || (kind && search.kind !== kind)) {
      throw fault('this search does not exist, or has expired: start a new one', 'InvalidArgVal', 'InvalidToken');
    }
    search.endsMs = this.#clock.monoMs() + search.keepMs;
    return search;
  }

  end({ id }: Search): void {
    this.#open.delete(id);
  }

  async #page({ next }: Pick<Search, 'next'>, opened: Search, limit: number): Promise<SearchPage> {
    const page = opened.isComplete ? NO_MORE : await next(limit);
    opened.isComplete = page.isComplete;
    return page;
  }

  #removeExpired(): void {
    const nowMs = this.#clock.monoMs();
    for (const { id, endsMs } of [...this.#open.values()]) {
      if (endsMs <= nowMs) {
        this.#open.delete(id);
      }
    }
  }
}

function requireRoom(count: number, limit: number, what: string): void {
  if (count >= limit) {
    throw new PerchError('exhausted', `${limit} ${what}: end one, or let it expire`, {
      codes: ['Action', 'ResourceProblem'],
    });
  }
}
