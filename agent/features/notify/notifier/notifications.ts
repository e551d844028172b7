import { randomUUID } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { ChannelChange, NewChannel, Preset, ShownChannel } from '../channels/channel-fields.ts';
import { Channels, type ChannelsDeps } from '../channels/channels.ts';
import { PRESETS } from '../channels/presets.ts';
import { Notifier } from './notifier.ts';
import { OfflineWatch } from './offline-watch.ts';
import { EventPictures, type PictureSource } from './pictures.ts';
import { PublicHttps, type PublicHttpsOptions } from '../push/public-https.ts';
import { MAX_THUMBNAIL_BYTES, Push } from '../push/push.ts';
import type { NewSubscription, SubscriptionHolder } from '../push/push-fields.ts';
import { openPushKey, type PushKey } from '../push/push-key.ts';
import {
  type Role,
  type Subscriber,
  type Subscription,
  type SubscriptionChange,
  Subscriptions,
} from '../push/subscriptions.ts';
import type { Notice } from '../rules/notice.ts';
import type { LocalTime } from '../rules/rules.ts';

/** Maximum number of tests of each user within `TESTS_MS`, because the push endpoints that users name may be at any address. */
const MAX_TESTS = 5;
const TESTS_MS = 60_000;
const MAX_TESTERS = 500;

interface NotificationsDeps {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pictures: PictureSource;
  readonly https: PublicHttpsOptions | undefined;
  readonly sending: ChannelsDeps['sending'];
  readonly events: { listen(listener: Notifier['onEvent']): () => void };
  paths(): ReturnType<ConstructorParameters<typeof OfflineWatch>[0]['paths']>;
  /** Whether the session or the guest's link is valid. */
  isAlive(subscriber: Pick<Subscriber, 'user' | 'session'>): boolean;
  mayPlay(user: string, path: string): boolean;
  roleOf(user: string): Role | undefined;
  titleOf(path: string): string;
  isWanted(path: string): boolean;
  local(): LocalTime | undefined;
  localTime: ChannelsDeps['localTime'];
}

/** All parts of notifications, loaded with the first subscription or channel. */
export class Notifications {
  readonly #deps: NotificationsDeps;
  readonly #key: PushKey;
  readonly #subscriptions: Subscriptions;
  readonly #push: Push;
  readonly #channels: Channels;
  readonly #notifier: Notifier;
  readonly #pictures: EventPictures;
  readonly #stops: (() => void)[];
  readonly #end = new AbortController();
  /** Ids of the subscriptions and channels that are being tested. */
  readonly #testing = new Set<string>();
  /** Times of the last tests in monotonic milliseconds, by user. */
  readonly #tests = new Map<string, readonly number[]>();

  static async open(deps: NotificationsDeps): Promise<Notifications> {
    const [key, subscriptions, channels] = [
      await openPushKey(deps.dataDir, deps.log),
      await Subscriptions.open(deps),
      await Channels.open(deps),
    ];
    return new Notifications(deps, key, subscriptions, channels);
  }

  private constructor(deps: NotificationsDeps, key: PushKey, subscriptions: Subscriptions, channels: Channels) {
    const { clock, log, pictures: source, mayPlay, roleOf, https } = deps;
    this.#deps = deps;
    this.#key = key;
    this.#subscriptions = subscriptions;
    this.#channels = channels;
    this.#pictures = new EventPictures({ source, clock, maxThumbnailBytes: MAX_THUMBNAIL_BYTES });
    this.#push = new Push({ subscriptions, key, https: new PublicHttps(https), log, mayPlay, roleOf });
    const targets = () => [...this.#push.targets(), ...channels.targets()];
    this.#notifier = new Notifier({ ...deps, pictures: this.#pictures, targets });
    const watch = new OfflineWatch({ ...deps, onOffline: (path) => this.#notifier.onOffline(path) });
    this.#stops = [deps.events.listen((event) => this.#notifier.onEvent(event)), () => watch.close()];
  }

  /** The public key in base64url; browsers bind their subscriptions to it. */
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
    return this.#test(subscription, (notice) => this.#push.send(subscription, notice));
  }

  get presets(): readonly Preset[] {
    return PRESETS;
  }

  channels(): readonly ShownChannel[] {
    return this.#channels.list();
  }

  addChannel(channel: NewChannel): Promise<ShownChannel> {
    return this.#channels.add(channel);
  }

  changeChannel(id: string, change: ChannelChange): Promise<ShownChannel> {
    return this.#channels.change(id, change);
  }

  removeChannel(id: string): Promise<void> {
    return this.#channels.remove(id);
  }

  /** Sends a test with a picture of any camera. @returns what is wrong; undefined: sent @throws PerchError notFound, exhausted */
  testChannel(id: string): Promise<string | undefined> {
    return this.#test({ id, user: '' }, async (notice) => {
      const camera = this.#deps.paths().find(({ ready }) => ready)?.name;
      const { full } = this.#pictures.of({ ...notice, path: camera ?? '' });
      await this.#channels.send(id, notice, await full(), this.#end.signal);
    });
  }

  async #test(
    target: { readonly id: string; readonly user: string },
    send: (notice: Notice) => Promise<void>,
  ): Promise<string | undefined> {
    this.#beginTest(target);
    const { clock, titleOf } = this.#deps;
    const id = randomUUID();
    try {
      await send({ id, path: '', kind: 'test', startMs: clock.wallMs(), title: titleOf(''), text: '' });
      return undefined;
    } catch (error) {
      if (error instanceof PerchError && error.code !== 'notFound') {
        return explain(error);
      }
      throw error;
    } finally {
      this.#testing.delete(target.id);
    }
  }

  #beginTest({ id, user }: { readonly id: string; readonly user: string }): void {
    const nowMs = this.#deps.clock.monoMs();
    const recent = (this.#tests.get(user) ?? []).filter((ms) => nowMs - ms < TESTS_MS);
    if (this.#testing.has(id) || recent.length >= MAX_TESTS) {
      throw new PerchError('exhausted', 'too many tests: wait for a minute', { retryAfterS: TESTS_MS / 1000 });
    }
    putBounded(this.#tests, user, [...recent, nowMs], MAX_TESTERS);
    this.#testing.add(id);
  }

  /** Picture of a notice that was made since the start of Perch. @throws PerchError notFound */
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
    this.#end.abort();
    await this.#channels.close();
    await this.#notifier.idle();
    await this.#subscriptions.close();
  }
}
