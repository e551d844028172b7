import { putBounded } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Notifier } from './notifier.ts';
import { OfflineWatch } from './offline-watch.ts';
import { EventPictures, type PictureSource } from './pictures.ts';
import { PublicHttps, type PublicHttpsOptions } from './push/public-https.ts';
import { MAX_THUMBNAIL_BYTES, Push } from './push/push.ts';
import type { NewSubscription, SubscriptionHolder } from './push/push-fields.ts';
import { openPushKey, type PushKey } from './push/push-key.ts';
import {
  type Role,
  type Subscriber,
  type Subscription,
  type SubscriptionChange,
  Subscriptions,
} from './push/subscriptions.ts';
import type { Notice } from './rules/notice.ts';
import type { LocalTime } from './rules/rules.ts';

/** Of each user, whose browsers may be at any address. */
const MAX_TESTS = 5;
const TESTS_MS = 60_000;
const MAX_TESTERS = 500;

export interface NotificationsDeps {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pictures: PictureSource;
  readonly https: PublicHttpsOptions | undefined;
  readonly events: { listen(listener: Notifier['onEvent']): () => void };
  paths(): ReturnType<ConstructorParameters<typeof OfflineWatch>[0]['paths']>;
  /** Whether the session or the guest's link is valid. */
  isAlive(subscriber: Pick<Subscriber, 'user' | 'session'>): boolean;
  mayPlay(user: string, path: string): boolean;
  roleOf(user: string): Role | undefined;
  titleOf(path: string): string;
  isWanted(path: string): boolean;
  local(): LocalTime | undefined;
}

/** All parts of notifications: loaded with the first subscription or address. */
export class Notifications {
  readonly #deps: NotificationsDeps;
  readonly #key: PushKey;
  readonly #subscriptions: Subscriptions;
  readonly #push: Push;
  readonly #notifier: Notifier;
  readonly #pictures: EventPictures;
  readonly #stops: (() => void)[];
  /** Subscriptions. */
  readonly #testing = new Set<string>();
  /** Monotonic milliseconds of the last tests, by user. */
  readonly #tests = new Map<string, readonly number[]>();

  static async open(deps: NotificationsDeps): Promise<Notifications> {
    return new Notifications(deps, await openPushKey(deps.dataDir, deps.log), await Subscriptions.open(deps));
  }

  private constructor(deps: NotificationsDeps, key: PushKey, subscriptions: Subscriptions) {
    const { clock, log, pictures: source, mayPlay, roleOf, https } = deps;
    this.#deps = deps;
    this.#key = key;
    this.#subscriptions = subscriptions;
    this.#pictures = new EventPictures({ source, clock, maxThumbnailBytes: MAX_THUMBNAIL_BYTES });
    this.#push = new Push({ subscriptions, key, https: new PublicHttps(https), log, mayPlay, roleOf });
    this.#notifier = new Notifier({ ...deps, pictures: this.#pictures, targets: () => this.#push.targets() });
    const watch = new OfflineWatch({ ...deps, onOffline: (path) => this.#notifier.onOffline(path) });
    this.#stops = [deps.events.listen((event) => this.#notifier.onEvent(event)), () => watch.close()];
  }

  /** Base64url; browsers bind their subscriptions to it. */
  get publicKey(): string {
    return this.#key.publicKey;
  }

  list(holder: SubscriptionHolder): readonly Subscription[] {
    return this.#subscriptions.of(holder);
  }

  subscribe(subscriber: Subscriber, subscription: NewSubscription): Promise<Subscription> {
    return this.#subscriptions.add(subscriber, subscription);
  }

  change(holder: SubscriptionHolder, id: string, change: SubscriptionChange): Promise<Subscription> {
    return this.#subscriptions.change(holder, id, change);
  }

  async remove(holder: SubscriptionHolder, id: string): Promise<void> {
    await this.#subscriptions.remove(this.#subscriptions.get(holder, id).id);
  }

  /** @returns what is wrong; undefined: the push service has taken it @throws PerchError notFound, exhausted */
  async test(holder: SubscriptionHolder, id: string): Promise<string | undefined> {
    const subscription = this.#subscriptions.get(holder, id);
    this.#beginTest(subscription);
    const { clock, titleOf } = this.#deps;
    const test: Notice = { id: 'test', path: '', kind: 'test', startMs: clock.wallMs(), title: titleOf(''), text: '' };
    try {
      await this.#push.send(subscription, test);
      return undefined;
    } catch (error) {
      if (error instanceof PerchError) {
        return explain(error);
      }
      throw error;
    } finally {
      this.#testing.delete(id);
    }
  }

  #beginTest({ id, user }: Subscription): void {
    const nowMs = this.#deps.clock.monoMs();
    const recent = (this.#tests.get(user) ?? []).filter((ms) => nowMs - ms < TESTS_MS);
    if (this.#testing.has(id) || recent.length >= MAX_TESTS) {
      throw new PerchError('exhausted', 'too many tests: wait for a minute', { retryAfterS: TESTS_MS / 1000 });
    }
    putBounded(this.#tests, user, [...recent, nowMs], MAX_TESTERS);
    this.#testing.add(id);
  }

  /** Of a notice of this run. @throws PerchError notFound */
  async picture(path: string, id: string): Promise<Uint8Array> {
    const picture = await this.#pictures.kept(path, id);
    if (!picture) {
      throw new PerchError('notFound', 'there is no picture of this event');
    }
    return picture;
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) {
      stop();
    }
    await this.#notifier.idle();
    await this.#subscriptions.close();
  }
}
