import { join } from 'node:path';
import Type from 'typebox';
import type { Accounts } from '../../auth/accounts/accounts.ts';
import { explain } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { DAYS } from '../../config/schema/modes.ts';
import type { Host } from '../contract.ts';
import type { ChannelControl } from './channel-routes.ts';
import type { NotificationControl } from './routes.ts';
import { CHANNELS_FILE } from './channels/channel-fields.ts';
import type { ChannelsDeps } from './channels/channels.ts';
import type { Notifications } from './notifier/notifications.ts';
import type { PublicHttpsOptions } from './push/public-https.ts';
import { SUBSCRIPTIONS_FILE } from './push/push-fields.ts';
import type { LocalTime } from './rules/rules.ts';
import type { PathTable } from '../../paths/path-table.ts';
import { loadLate } from '../../protocols/late.ts';
import { toLocalTime, zoneOffsetMs } from '../../record/file/time-zone.ts';
import { type LivePictures, OF_EVENT } from '../../app/recordings/live-pictures.ts';
import type { Recordings } from '../../app/recordings/recordings.ts';
import { CameraSnapshots } from '../../app/recordings/snapshots.ts';

const Lists = Type.Record(Type.String(), Type.Array(Type.Unknown()));
const SMALL_PICTURE_MS = 1_500;
/** `getUTCDay` counts from Sunday. */
const SUNDAY_FIRST = 6;

interface LazyNotificationsDeps extends Pick<Host, 'dataDir' | 'clock' | 'log' | 'signal'> {
  readonly accounts: Accounts;
  readonly paths: Pick<PathTable, 'list'>;
  readonly recordings: Pick<Recordings, 'events' | 'titleOf' | 'isClockTrusted'>;
  readonly pictures: LivePictures;
  /** The configuration as the present mode changes it. */
  config(): Config;
  /** For tests with local servers. */
  readonly pushHttps?: PublicHttpsOptions;
  readonly channelSending?: ChannelsDeps['sending'];
}

/** Notifications. Their code is loaded with the first subscription or channel. */
export class LazyNotifications implements NotificationControl, ChannelControl {
  readonly #deps: LazyNotificationsDeps;
  #opened: Promise<Notifications> | undefined;
  #small: CameraSnapshots | undefined;

  constructor(deps: LazyNotificationsDeps) {
    this.#deps = deps;
  }

  async begin(): Promise<void> {
    const { dataDir, log } = this.#deps;
    const used = [SUBSCRIPTIONS_FILE, CHANNELS_FILE].map((file) => hasEntries(join(dataDir, file)));
    if ((await Promise.all(used)).includes(true)) {
      await this.#open().catch((error: unknown) =>
        log.error({ cause: explain(error) }, 'starting notifications failed'),
      );
    }
  }

  async close(): Promise<void> {
    await (await this.#opened?.catch(() => undefined))?.close();
  }

  async publicKey(): Promise<string> {
    return (await this.#open()).publicKey;
  }

  async list(...args: Parameters<Notifications['list']>) {
    return (await this.#open()).list(...args);
  }

  async subscribe(...args: Parameters<Notifications['subscribe']>) {
    return (await this.#open()).subscribe(...args);
  }

  async change(...args: Parameters<Notifications['change']>) {
    return (await this.#open()).change(...args);
  }

  async remove(...args: Parameters<Notifications['remove']>) {
    return (await this.#open()).remove(...args);
  }

  async test(...args: Parameters<Notifications['test']>) {
    return (await this.#open()).test(...args);
  }

  async presets() {
    return (await this.#open()).presets;
  }

  async channels() {
    return (await this.#open()).channels();
  }

  async addChannel(...args: Parameters<Notifications['addChannel']>) {
    return (await this.#open()).addChannel(...args);
  }

  async changeChannel(...args: Parameters<Notifications['changeChannel']>) {
    return (await this.#open()).changeChannel(...args);
  }

  async removeChannel(...args: Parameters<Notifications['removeChannel']>) {
    return (await this.#open()).removeChannel(...args);
  }

  async testChannel(...args: Parameters<Notifications['testChannel']>) {
    return (await this.#open()).testChannel(...args);
  }

  async picture(...args: Parameters<Notifications['picture']>) {
    return (await this.#open()).picture(...args);
  }

  #open(): Promise<Notifications> {
    this.#opened ??= loadLate('notifications', () => import('./notifier/notifications.ts'))
      .then((part) => part.Notifications.open(this.#parts()))
      .catch((error: unknown) => {
        this.#opened = undefined;
        throw error;
      });
    return this.#opened;
  }

  #parts(): Parameters<typeof Notifications.open>[0] {
    const { dataDir, clock, log, accounts, paths, recordings, pictures, config } = this.#deps;
    const { pushHttps: https, channelSending: sending } = this.#deps;
    const zone = () => config().timetableZone || undefined;
    const { sessions } = accounts.people;
    return {
      dataDir,
      clock,
      log,
      https,
      sending,
      events: recordings.events.hub,
      paths: () => paths.list(),
      isAlive: ({ user, session }) => {
        const person = accounts.person(user);
        return (
          person?.role === 'guest' || (person !== undefined && sessions.list(user).some(({ id }) => id === session))
        );
      },
      mayPlay: (user, path) => accounts.person(user)?.may('playback', path) === true,
      roleOf: (user) => accounts.person(user)?.role,
      titleOf: (path) => (path === '' ? boxTitle(config()) : (recordings.titleOf(path) ?? path)),
      isWanted: (path) => {
        const settings = resolvePath(config(), path)?.settings;
        return settings !== undefined && settings.isPrivate !== true && settings.isSilent !== true;
      },
      local: () => (recordings.isClockTrusted ? localTime(clock.wallMs(), zone()) : undefined),
      localTime: (ms) => new Date(ms + zoneOffsetMs(ms, zone())).toISOString().slice(0, 19).replace('T', ' '),
      pictures: {
        picture: (path) => pictures.picture(path, OF_EVENT),
        small: (path, maxBytes) => this.#smallPicture(path, maxBytes),
      },
    };
  }

  async #smallPicture(path: string, maxBytes: number): Promise<Uint8Array> {
    this.#small ??= new CameraSnapshots(this.#deps.config, maxBytes);
    const camera = this.#small.sourceOf(path);
    if (!camera) {
      return this.#deps.pictures.small(path, maxBytes);
    }
    return withJoinedSignal([this.#deps.signal], SMALL_PICTURE_MS, ({ signal }) => camera.fetch(signal));
  }
}

/** Whether a file has entries. A damaged one counts: it is reported when it is opened. */
async function hasEntries(file: string): Promise<boolean> {
  const stored = await new StoredDocument(file, Lists).load().catch(() => 'damaged');
  return stored !== undefined && !(typeof stored === 'object' && Object.values(stored)[0]?.length === 0);
}

const boxTitle = ({ boxName }: Config): string => (boxName === 'perch' ? 'Perch' : boxName);

/** @param zone IANA name; undefined: the box's */
function localTime(nowMs: number, zone: string | undefined): LocalTime {
  const { year, month, day, hour, minute } = toLocalTime(nowMs, zone);
  const name = DAYS[(new Date(Date.UTC(year, month - 1, day)).getUTCDay() + SUNDAY_FIRST) % DAYS.length];
  return { day: name ?? 'mon', minutes: hour * 60 + minute };
}
