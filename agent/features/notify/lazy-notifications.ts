import { join } from 'node:path';
import Type from 'typebox';
import { explain } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { loadLate } from '../../protocols/late.ts';
import { CHANNELS_FILE } from './channels/channel-fields.ts';
import type { NotificationHost, NotificationOptions, Notifications } from './notifier/notifications.ts';
import { SUBSCRIPTIONS_FILE } from './push/push-fields.ts';

const Lists = Type.Record(Type.String(), Type.Array(Type.Unknown()));

export type NotifyOptions = NotificationOptions;

/** Notifications. Their code is loaded with the first subscription or channel. */
export class LazyNotifications {
  readonly #host: NotificationHost;
  readonly #options: NotifyOptions;
  #opened: Promise<Notifications> | undefined;

  constructor(host: NotificationHost, options: NotifyOptions) {
    this.#host = host;
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { dataDir, log } = this.#host;
    const used = [SUBSCRIPTIONS_FILE, CHANNELS_FILE].map((file) => hasEntries(join(dataDir, file)));
    if ((await Promise.all(used)).includes(true)) {
      await this.opened().catch((error: unknown) =>
        log.error({ cause: explain(error) }, 'starting notifications failed'),
      );
    }
  }

  async close(): Promise<void> {
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
