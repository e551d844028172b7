import { ECDH, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
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
}

/** Subscriptions of browsers, stored in a file of the data folder. A subscription ends with its session. */
export class Subscriptions {
  readonly #deps: SubscriptionsDeps;
  readonly #document: StoredDocument<typeof SubscriptionsFile>;
  #all: readonly Subscription[] = [];

  static async open(deps: SubscriptionsDeps): Promise<Subscriptions> {
    const opened = new Subscriptions(deps);
    const loss = 'push subscriptions are lost: the file is damaged and renamed; switch notifications on again';
    opened.#all = (await opened.#document.open(loss))?.subscriptions ?? [];
    return opened;
  }

  private constructor(deps: SubscriptionsDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, SUBSCRIPTIONS_FILE), SubscriptionsFile, deps.log);
  }

  /** Subscriptions whose session or link is valid. The others are removed. */
  alive(): readonly Subscription[] {
    const alive = this.#all.filter((one) => this.#deps.isAlive(one));
    if (alive.length < this.#all.length) {
      this.#all = alive;
      void this.#document.trySave(() => ({ subscriptions: this.#all }), 'push subscriptions cannot be saved');
    }
    return alive;
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
    const others = this.alive().filter((one) => one.endpoint !== endpoint);
    const role = this.#deps.roleOf(subscriber.user);
    const max = role === 'owner' ? MAX_SUBSCRIPTIONS : MAX_SUBSCRIPTIONS - MAX_OF_PERSON;
    // Maximum of one guest link, for everyone who has it together.
    const maxOwn = role === 'guest' ? 3 : MAX_OF_PERSON;
    if (others.length >= max || others.filter(isOf(subscriber.user)).length >= maxOwn) {
      throw new PerchError('exhausted', 'too many browsers are notified: switch one off');
    }
    const created = Math.round(this.#deps.clock.wallMs());
    const rest = { id: randomUUID(), created, snoozedUntil: 0 };
    const added = { ...rest, ...subscriber, endpoint, p256dh, auth, language, rules, ...(buttons && { buttons }) };
    await this.#replace([...others, added]);
    return added;
  }

  /** @throws PerchError badInput, notFound, exhausted, unavailable */
  async change(holder: SubscriptionHolder, id: string, change: SubscriptionChange): Promise<Subscription> {
    const changed = { ...this.get(holder, id), ...change };
    checkPublicKey(changed.p256dh);
    const others = this.#all.filter((one) => one.id === id || one.endpoint !== changed.endpoint);
    await this.#replace(others.map((one) => (one.id === id ? changed : one)));
    return changed;
  }

  /** Pauses the messages of a camera on all browsers of the holder. @param until Unix milliseconds; 0: no longer @throws PerchError exhausted, unavailable */
  async quieten(holder: SubscriptionHolder, path: string, until: number): Promise<void> {
    const own = new Set(this.of(holder).map(({ id }) => id));
    const nowMs = this.#deps.clock.wallMs();
    // At most a hundred cameras; the oldest is dropped.
    const quietened = (one: Subscription): Subscription => {
      const others = quietOf(one, nowMs).filter((other) => other.path !== path);
      return { ...one, quiet: until > nowMs ? [...others.slice(-99), { path, until }] : others };
    };
    await this.#replace(this.#all.map((one) => (own.has(one.id) ? quietened(one) : one)));
  }

  /** @throws PerchError unavailable */
  async remove(id: string): Promise<void> {
    const rest = this.#all.filter((one) => one.id !== id);
    if (rest.length < this.#all.length) {
      await this.#replace(rest);
    }
  }

  /** @throws PerchError exhausted, unavailable */
  async #replace(all: readonly Subscription[]): Promise<void> {
    // As it is stored: a larger file would not be read again.
    if (Buffer.byteLength(JSON.stringify({ subscriptions: all }, undefined, 2)) > 4_000_000) {
      throw new PerchError(
        'exhausted',
        'the rules and pauses of all browsers are too long: name fewer cameras in them',
      );
    }
    this.#all = all;
    await this.#document.save(() => ({ subscriptions: this.#all }));
  }

  close(): Promise<void> {
    return this.#document.close();
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
