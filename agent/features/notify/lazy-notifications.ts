import { join } from 'node:path';
import Type from 'typebox';
import { explain } from '../../base/errors.ts';
import { carrierOf } from '../../base/files/document-carrier.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { loadLate } from '../../protocols/late.ts';
import { CHANNELS_FILE } from './channels/channel-fields.ts';
import type { NotificationHost, NotificationOptions, Notifications } from './notifier/notifications.ts';
import { SUBSCRIPTIONS_FILE } from './push/push-fields.ts';

const RETRY_MS = 30_000;

const Lists = Type.Record(Type.String(), Type.Array(Type.Unknown()));

export type NotifyOptions = NotificationOptions;

/** Notifications. Their code is loaded with the first subscription or channel; with a database, where other servers may add some, at the start. */
export class LazyNotifications {
  readonly #host: NotificationHost;
  readonly #options: NotifyOptions;
  readonly #stop = new AbortController();
  #opened: Promise<Notifications> | undefined;

  constructor(host: NotificationHost, options: NotifyOptions) {
    this.#host = host;
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { dataDir } = this.#host;
    const files = [SUBSCRIPTIONS_FILE, CHANNELS_FILE].map((file) => join(dataDir, file));
    const isShared = files.some((file) => carrierOf(file) !== undefined);
    if (isShared || (await Promise.all(files.map(hasEntries))).includes(true)) {
      const isOpen = await this.#tryOpen();
      if (isShared && !isOpen) {
        void this.#openLater();
      }
    }
  }

  async #tryOpen(): Promise<boolean> {
    return this.opened().then(
      () => true,
      (error: unknown) => {
        this.#host.log.error({ cause: explain(error) }, 'starting notifications failed');
        return false;
      },
    );
  }

  /** The database was away. */
  async #openLater(): Promise<void> {
    const { signal } = this.#stop;
    do {
      await this.#host.clock.sleep(RETRY_MS, signal);
    } while (!signal.aborted && !(await this.#tryOpen()));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await (await this.#opened?.catch(() => undefined))?.close();
  }

  opened(): Promise<Notifications> {
    this.#opened ??= loadLate('notifications', () => import('./notifier/notifications.ts'))
      .then((part) => part.Notifications.open(this.#host, this.#options))
      .catch((error: unknown) => {
        this.#opened = undefined;
        throw error;
      });
    return this.#opened;
  }
}

/** Whether a file has entries. A damaged one counts: it is reported when it is opened. */
async function hasEntries(file: string): Promise<boolean> {
  const stored = await new StoredDocument(file, Lists).load().catch(() => 'damaged');
  return stored !== undefined && !(typeof stored === 'object' && Object.values(stored)[0]?.length === 0);
}
