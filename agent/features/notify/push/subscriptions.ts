import { ECDH, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Type, { type Static } from 'typebox';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import {
  MAX_SUBSCRIPTIONS,
  type NewSubscription,
  PUSH_FIELDS,
  quietOf,
  SUBSCRIPTIONS_FILE,
  type SubscriptionHolder,
} from './push-fields.ts';

/** A session that another server has begun may become known here after its subscription. */
const LEARNT_MS = 60_000;
/** Maximum of one user. As many places of `MAX_SUBSCRIPTIONS` are kept for the owner. */
const MAX_OF_PERSON = 20;

const Stored = Type.Object({
  ...PUSH_FIELDS,
  id: Type.String({ maxLength: 64 }),
  user: Type.String({ maxLength: 128 }),
  /** Id of the session; for guests the hash of the browser's cookie, because their subscription ends with the link. */
  session: Type.String({ maxLength: 64 }),
  device: Type.String({ maxLength: 128 }),
  /** Time when the subscription was created, in Unix milliseconds. */
  created: Type.Number(),
  snoozedUntil: Type.Number(),
  /** Cameras whose messages are paused, until Unix milliseconds. */
  quiet: Type.Optional(Type.Array(Type.Object({ path: Type.String({ maxLength: 512 }), until: Type.Number() }))),
});
const SubscriptionsFile = Type.Object({ subscriptions: Type.Array(Stored, { maxItems: MAX_SUBSCRIPTIONS }) });
export type Subscription = Static<typeof Stored>;

/** Who subscribes, and with which device. */
export interface Subscriber {
  readonly user: string;
  readonly session: string;
  /** Browser and system, such as `Chrome, Android`. */
  readonly device: string;
}

export type Role = 'owner' | 'viewer' | 'guest';

type SubscriptionChange = Partial<
  Pick<Subscription, 'rules' | 'buttons' | 'language' | 'snoozedUntil' | 'endpoint' | 'p256dh' | 'auth'>
>;

interface SubscriptionsDeps {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the session or the guest's link is valid. */
  isAlive(subscriber: Pick<Subscriber, 'user' | 'session'>): boolean;
  roleOf(user: string): Role | undefined;
  /** False: whether the user has access is not known at present, because the database is away. */
  isKnown(user: string): boolean;
}

/** Subscriptions of browsers, stored in a file of the data folder, or in the database that servers share. A subscription ends with its session. */
export class Subscriptions {
  readonly #deps: SubscriptionsDeps;
  readonly #document: StoredDocument<typeof SubscriptionsFile>;
  #all: readonly Subscription[] = [];
  /** Monotonic time when the session of a subscription was first found over, by id. */
  readonly #over = new Map<string, number>();

  static async open(deps: SubscriptionsDeps): Promise<Subscriptions> {
    const opened = new Subscriptions(deps);
    const loss = 'push subscriptions are lost: the file is damaged and renamed; switch notifications on again';
    opened.#all = (await opened.#document.open(loss))?.subscriptions ?? [];
    return opened;
  }

  private constructor(deps: SubscriptionsDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, SUBSCRIPTIONS_FILE), SubscriptionsFile, deps.log);
    this.#document.follow((stored) => {
      this.#all = stored?.subscriptions ?? [];
    });
  }

  /** Subscriptions whose session or link is valid. The others are removed. */
  alive(): readonly Subscription[] {
    if (this.#kept().length < this.#all.length) {
      void this.#removeOver();
    }
    return this.#all.filter((one) => this.#deps.isAlive(one));
  }

  /** Without those that are to be removed, because their session is over. */
  #kept(): readonly Subscription[] {
    const { clock, isAlive, isKnown } = this.#deps;
    const nowMs = clock.monoMs();
    return this.#all.filter((one) => {
      if (isAlive(one) || !isKnown(one.user)) {
        this.#over.delete(one.id);
        return true;
      }
      const sinceMs = this.#over.get(one.id) ?? nowMs;
      putBounded(this.#over, one.id, sinceMs, MAX_SUBSCRIPTIONS);
      return this.#document.isShared && nowMs - sinceMs < LEARNT_MS;
    });
  }

  async #removeOver(): Promise<void> {
    try {
      await this.#change(() => this.#kept());
    } catch (error) {
      this.#deps.log.warn({ cause: explain(error) }, 'push subscriptions cannot be saved');
    }
  }

  of({ user, session }: SubscriptionHolder): readonly Subscription[] {
    return this.alive().filter((one) => one.user === user && (session === undefined || one.session === session));
  }

  /** @throws PerchError notFound */
  get(holder: SubscriptionHolder, id: string): Subscription {
    const found = this.of(holder).find((one) => one.id === id);
    if (!found) {
      throw new PerchError('notFound', 'there is no such subscription');
    }
    return found;
  }

  /** Replaces a subscription of the same browser. @throws PerchError badInput, exhausted, unavailable */
  async add(
    subscriber: Subscriber,
    { endpoint, p256dh, auth, language, rules, buttons }: NewSubscription,
  ): Promise<Subscription> {
    checkPublicKey(p256dh);
    const role = this.#deps.roleOf(subscriber.user);
    const max = role === 'owner' ? MAX_SUBSCRIPTIONS : MAX_SUBSCRIPTIONS - MAX_OF_PERSON;
    // Maximum of one guest link, for everyone who has it together.
    const maxOwn = role === 'guest' ? 3 : MAX_OF_PERSON;
    const created = Math.round(this.#deps.clock.wallMs());
    const rest = { id: randomUUID(), created, snoozedUntil: 0 };
    const added = { ...rest, ...subscriber, endpoint, p256dh, auth, language, rules, ...(buttons && { buttons }) };
    await this.#change(() => {
      const others = this.#kept().filter((one) => one.endpoint !== endpoint);
      if (others.length >= max || others.filter(isOf(subscriber.user)).length >= maxOwn) {
        throw new PerchError('exhausted', 'too many browsers are notified: switch one off');
      }
      return [...others, added];
    });
    return added;
  }

  /** @throws PerchError badInput, notFound, exhausted, unavailable */
  async change(holder: SubscriptionHolder, id: string, change: SubscriptionChange): Promise<Subscription> {
    await this.#change((all) => {
      const changed = { ...this.get(holder, id), ...change };
      checkPublicKey(changed.p256dh);
      const others = all.filter((one) => one.id === id || one.endpoint !== changed.endpoint);
      return others.map((one) => (one.id === id ? changed : one));
    });
    return this.get(holder, id);
  }

  /** Pauses the messages of a camera on all browsers of the holder. @param until Unix milliseconds; 0: no longer @throws PerchError exhausted, unavailable */
  async quieten(holder: SubscriptionHolder, path: string, until: number): Promise<void> {
    const nowMs = this.#deps.clock.wallMs();
    // At most a hundred cameras; the oldest is dropped.
    const quietened = (one: Subscription): Subscription => {
      const others = quietOf(one, nowMs).filter((other) => other.path !== path);
      return { ...one, quiet: until > nowMs ? [...others.slice(-99), { path, until }] : others };
    };
    await this.#change((all) => {
      const own = new Set(this.of(holder).map(({ id }) => id));
      return all.map((one) => (own.has(one.id) ? quietened(one) : one));
    });
  }

  /** @throws PerchError unavailable */
  async remove(id: string): Promise<void> {
    await this.#change((all) => all.filter((one) => one.id !== id));
  }

  /** @param change computes all from those of now; made again if another server was faster @throws PerchError exhausted, unavailable */
  #change(change: (all: readonly Subscription[]) => readonly Subscription[]): Promise<void> {
    return this.#document.change(async () => {
      const before = this.#all;
      const all = change(before);
      if (isDeepStrictEqual(all, before)) {
        return;
      }
      // As it is stored: a larger file would not be read again.
      if (Buffer.byteLength(JSON.stringify({ subscriptions: all }, undefined, 2)) > 4_000_000) {
        throw new PerchError(
          'exhausted',
          'the rules and pauses of all browsers are too long: name fewer cameras in them',
        );
      }
      this.#all = all;
      try {
        await this.#document.save(() => ({ subscriptions: all }));
      } catch (error) {
        // What the other servers do not have would differ from server to server.
        this.#all = this.#document.isShared ? before : all;
        throw error;
      }
    });
  }

  close(): Promise<void> {
    return this.#document.change(() => {});
  }
}

function checkPublicKey(p256dh: string): void {
  try {
    ECDH.convertKey(p256dh, 'prime256v1', 'base64url');
  } catch (error) {
    throw new PerchError('badInput', 'p256dh is not a point on the curve P-256', {}, error);
  }
}

const isOf =
  (user: string) =>
  (one: Subscription): boolean =>
    one.user === user;
