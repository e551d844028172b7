import { randomUUID } from 'node:crypto';
import type { Person } from '../../../auth/accounts/person.ts';
import { putBounded } from '../../../base/bounded-map.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { ServerClaims } from '../../../base/files/server-claims.ts';
import { dayOf } from '../../../base/time/days.ts';
import { SUB_SUFFIX } from '../../../cameras/adoption/plan.ts';
import { isSubStream, subOf } from '../../../cameras/path-entries.ts';
import { resolvePath } from '../../../config/load/load.ts';
import { toLocalTime, zoneOffsetMs } from '../../../record/file/time-zone.ts';
import type { Host } from '../../contract.ts';
import { Channels, type ChannelsDeps } from '../channels/channels.ts';
import { Buttons, type Pressed } from '../push/buttons.ts';
import { PublicHttps, type PublicHttpsOptions } from '../push/public-https.ts';
import { MAX_THUMBNAIL_BYTES, Push } from '../push/push.ts';
import type { SubscriptionHolder } from '../push/push-fields.ts';
import { openPushKey, type PushKey } from '../push/push-key.ts';
import { type Subscriber, Subscriptions } from '../push/subscriptions.ts';
import type { Notice } from '../rules/notice.ts';
import type { LocalTime } from '../rules/rules.ts';
import { Notifier } from './notifier.ts';
import { OfflineWatch } from './offline-watch.ts';
import { EventPictures } from './pictures.ts';

/** Maximum number of tests of each user within `TESTS_MS`, because the push endpoints that users name may be at any address. */
const MAX_TESTS = 5;
const TESTS_MS = 60_000;
/** Within this time other servers notice the same outage of a camera. */
const SAME_OUTAGE_MS = 300_000;

export type NotificationHost = Pick<
  Host,
  'dataDir' | 'clock' | 'log' | 'config' | 'accounts' | 'paths' | 'recordings' | 'pictures' | 'examines' | 'actions'
>;

/** For tests with servers of their own. */
export interface NotificationOptions {
  readonly https?: PublicHttpsOptions;
  readonly sending?: ChannelsDeps['sending'];
}

/** All parts of notifications, loaded with the first subscription or channel. */
export class Notifications {
  readonly channels: Channels;
  readonly subscriptions: Subscriptions;
  readonly #host: NotificationHost;
  readonly #key: PushKey;
  readonly #push: Push;
  readonly #buttons: Buttons;
  readonly #notifier: Notifier;
  readonly #pictures: EventPictures;
  readonly #outages: ServerClaims;
  readonly #stops: (() => void)[];
  readonly #end = new AbortController();
  /** Ids of the subscriptions and channels that are being tested. */
  readonly #testing = new Set<string>();
  /** Times of the last tests in monotonic milliseconds, by user. */
  readonly #tests = new Map<string, readonly number[]>();

  static async open(host: NotificationHost, { https, sending }: NotificationOptions): Promise<Notifications> {
    const { dataDir, clock, log } = host;
    const key = await openPushKey(dataDir, log);
    const subscriptions = await Subscriptions.open({ dataDir, clock, log, ...usersOf(host) });
    const localTime = (ms: number) =>
      new Date(ms + zoneOffsetMs(ms, zoneIn(host))).toISOString().slice(0, 19).replace('T', ' ');
    const channels = await Channels.open({ dataDir, clock, log, sending, localTime });
    return new Notifications(host, key, new PublicHttps(https), subscriptions, channels);
  }

  private constructor(
    host: NotificationHost,
    key: PushKey,
    https: PublicHttps,
    subscriptions: Subscriptions,
    channels: Channels,
  ) {
    const { clock, log, paths, pictures: source, recordings } = host;
    this.#host = host;
    this.#key = key;
    this.subscriptions = subscriptions;
    this.channels = channels;
    this.#pictures = new EventPictures({ source, clock, maxThumbnailBytes: MAX_THUMBNAIL_BYTES });
    this.#buttons = new Buttons(host, subscriptions);
    this.#push = new Push({ subscriptions, key, https, log, clock, buttons: this.#buttons, ...usersOf(host) });
    this.#notifier = new Notifier({
      clock,
      log,
      pictures: this.#pictures,
      targets: () => [...this.#push.targets(), ...channels.targets()],
      titleOf: (path) => this.#titleOf(path),
      examines: (path) => host.examines(path),
      otherStreamOf: (path) =>
        isSubStream(path, host.config()) ? path.slice(0, -SUB_SUFFIX.length) : subOf(path, host.config())?.name,
      isWanted: (path) => {
        const settings = resolvePath(host.config(), path)?.settings;
        return settings !== undefined && settings.isPrivate !== true && settings.isSilent !== true;
      },
      local: () => (recordings.isClockTrusted ? localTime(clock.wallMs(), zoneIn(host)) : undefined),
    });
    this.#outages = new ServerClaims({ dataDir: host.dataDir, clock, lastsMs: SAME_OUTAGE_MS });
    const watch = new OfflineWatch({
      clock,
      paths: () => paths.list(),
      onOffline: (path) => void this.#onOffline(path),
    });
    this.#stops = [
      recordings.events.acted.listen('notifications', (event) => this.#notifier.onEvent(event)),
      () => watch.close(),
    ];
  }

  /** Several servers may have lost the camera. */
  async #onOffline(path: string): Promise<void> {
    if (await this.#outages.take(`offline ${path}`)) {
      this.#notifier.onOffline(path);
    }
  }

  /** The public key in base64url; browsers bind their subscriptions to it. */
  get publicKey(): string {
    return this.#key.publicKey;
  }

  /** @returns what is wrong, or undefined if the push service has taken it @throws PerchError notFound, exhausted */
  async test(holder: SubscriptionHolder, id: string): Promise<string | undefined> {
    const subscription = this.subscriptions.get(holder, id);
    return this.#test(subscription, (notice) => this.#push.send(subscription, notice));
  }

  /** A button of a message was pressed. @throws PerchError notFound, unauthorized, unavailable */
  press(holder: SubscriptionHolder, person: Pick<Person, 'name' | 'role' | 'may'>, token: string): Promise<Pressed> {
    return this.#buttons.press(holder, person, token);
  }

  /** Sends a test with a picture of any camera. @returns what is wrong, or undefined if it was sent @throws PerchError notFound, exhausted */
  testChannel(id: string): Promise<string | undefined> {
    return this.#test({ id, user: '' }, async (notice) => {
      const camera = this.#host.paths.list().find(({ ready }) => ready)?.name;
      const { full } = this.#pictures.of({ ...notice, path: camera ?? '' });
      await this.channels.send(id, notice, await full(), this.#end.signal);
    });
  }

  async #test(
    target: { readonly id: string; readonly user: string },
    send: (notice: Notice) => Promise<void>,
  ): Promise<string | undefined> {
    this.#beginTest(target);
    const id = randomUUID();
    try {
      await send({
        id,
        path: '',
        kind: 'test',
        startMs: this.#host.clock.wallMs(),
        title: this.#titleOf(''),
        text: '',
      });
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
    const nowMs = this.#host.clock.monoMs();
    const recent = (this.#tests.get(user) ?? []).filter((ms) => nowMs - ms < TESTS_MS);
    if (this.#testing.has(id) || recent.length >= MAX_TESTS) {
      throw new PerchError('exhausted', 'too many tests: wait for a minute', { retryAfterS: TESTS_MS / 1000 });
    }
    putBounded(this.#tests, user, [...recent, nowMs], 500);
    this.#testing.add(id);
  }

  /** Name of the camera, or of the box for an empty path. */
  #titleOf(path: string): string {
    const { boxName } = this.#host.config();
    return path === '' ? (boxName === 'perch' ? 'Perch' : boxName) : (this.#host.recordings.titleOf(path) ?? path);
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
    await this.channels.close();
    await this.#notifier.close();
    await this.subscriptions.close();
  }
}

/** What the accounts say of users. */
function usersOf({ accounts }: NotificationHost) {
  const { sessions } = accounts.people;
  return {
    isAlive: ({ user, session }: Pick<Subscriber, 'user' | 'session'>) => {
      const role = accounts.person(user)?.role;
      return role === 'guest' || (role !== undefined && sessions.list(user).some(({ id }) => id === session));
    },
    mayPlay: (user: string, path: string) => accounts.person(user)?.may('playback', path) === true,
    roleOf: (user: string) => accounts.person(user)?.role,
    isKnown: (user: string) => accounts.people.knows(user),
  };
}

/** Time zone of the rules' hours, or undefined for the box's. */
const zoneIn = ({ config }: NotificationHost): string | undefined => config().timetableZone || undefined;

function localTime(nowMs: number, zone: string | undefined): LocalTime {
  const { year, month, day, hour, minute } = toLocalTime(nowMs, zone);
  return { day: dayOf(new Date(Date.UTC(year, month - 1, day))), minutes: hour * 60 + minute };
}
