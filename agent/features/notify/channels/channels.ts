import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import { HIDDEN } from '../../../config/edit/json.ts';
import type { Notice } from '../rules/notice.ts';
import type { NoticePictures, Target } from '../rules/target.ts';
import {
  CHANNELS_FILE,
  type ChannelChange,
  ChannelsFile,
  MAX_CHANNELS,
  type NewChannel,
  type ShownChannel,
  type StoredChannel,
} from './channel-fields.ts';
import type { ChannelSettings } from './kinds/kind.ts';
import { kindOf } from './kinds/kinds.ts';
import { Outbox } from './outbox.ts';
import { secretsOf, shownSettings, withKeptSecrets } from './secrets.ts';
import { type ChannelMessage, messageOf, type SendOptions } from './sending/channel-message.ts';

export interface ChannelsDeps {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Options for tests with local servers. */
  readonly sending: Pick<SendOptions, 'ca' | 'timeoutMs'> | undefined;
  /** Local time as `2026-11-23 19:00:05`. */
  localTime(unixMs: number): string;
}

/** The owner's channels, stored in a file of the data folder, or in the database that servers share. They may reach the local network. */
export class Channels {
  readonly #deps: ChannelsDeps;
  readonly #document: StoredDocument<typeof ChannelsFile>;
  readonly #outboxes = new Map<string, Outbox>();
  #all: readonly StoredChannel[] = [];

  static async open(deps: ChannelsDeps): Promise<Channels> {
    const opened = new Channels(deps);
    const loss = 'channels of notifications are lost: the file is damaged and renamed';
    opened.#all = (await opened.#document.open(loss))?.channels ?? [];
    return opened;
  }

  private constructor(deps: ChannelsDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(join(deps.dataDir, CHANNELS_FILE), ChannelsFile, deps.log);
    this.#document.follow((stored) => this.#take(stored?.channels ?? []));
  }

  list(): readonly ShownChannel[] {
    return this.#all.map((one) => this.#shown(one));
  }

  targets(): readonly Target[] {
    return this.#all.map(({ id, rules, snoozedUntil }) => ({
      id,
      user: '',
      isOwner: true,
      rules,
      snoozedUntil,
      mayKnow: () => true,
      send: async (notice, pictures) => this.#queue(id, notice, pictures),
    }));
  }

  /** @throws PerchError badInput, exhausted, unavailable */
  async add({ settings, ...fields }: NewChannel): Promise<ShownChannel> {
    const checked = await checkedSettings(withKeptSecrets(settings, undefined));
    const added = { ...fields, settings: checked, id: randomUUID(), snoozedUntil: 0 };
    await this.#change((all) => {
      if (all.length >= MAX_CHANNELS) {
        throw new PerchError('exhausted', `there are ${MAX_CHANNELS} channels: remove one`);
      }
      return [...all, added];
    });
    return this.#shown(added);
  }

  /** @throws PerchError badInput, notFound, unavailable */
  async change(id: string, { settings, ...more }: ChannelChange): Promise<ShownChannel> {
    await this.#change(async () => {
      const before = this.#get(id);
      const next = settings && (await checkedSettings(withKeptSecrets(settings, before.settings)));
      const changed = { ...before, ...more, ...(next && { settings: next }) };
      return this.#all.map((one) => (one.id === id ? changed : one));
    });
    if (settings) {
      this.#outboxes.get(id)?.wake();
    }
    return this.#shown(this.#get(id));
  }

  /** @throws PerchError notFound, unavailable */
  async remove(id: string): Promise<void> {
    await this.#change((all) => {
      this.#get(id);
      return all.filter((one) => one.id !== id);
    });
    await this.#end(id);
  }

  async #end(id: string): Promise<void> {
    const outbox = this.#outboxes.get(id);
    this.#outboxes.delete(id);
    await outbox?.close();
  }

  /** What another server has changed. */
  #take(all: readonly StoredChannel[]): void {
    const before = this.#all;
    this.#all = all;
    for (const { id, settings } of before) {
      const now = all.find((one) => one.id === id);
      if (!now) {
        void this.#end(id);
      } else if (!isDeepStrictEqual(now.settings, settings)) {
        this.#outboxes.get(id)?.wake();
      }
    }
  }

  /** Makes one attempt. @param to recipients who do not have it yet; default: all @throws PerchError notFound, or what is wrong */
  async send(
    id: string,
    notice: Notice,
    picture: Uint8Array | undefined,
    signal: AbortSignal,
    to?: readonly string[],
  ): Promise<void> {
    const { settings, ...channel } = this.#get(id);
    const { localTime, sending } = this.#deps;
    const message = messageOf(notice, channel, localTime(notice.startMs), picture);
    await sendBy(settings, message, { ...sending, signal, ...(to && { to }) });
  }

  /** Aborts messages that are being sent and waits for writes. */
  async close(): Promise<void> {
    await Promise.all([...this.#outboxes.values()].map((outbox) => outbox.close()));
    await this.#document.change(() => {});
  }

  #queue(id: string, notice: Notice, pictures: NoticePictures): void {
    // The picture is taken now, however late the message is sent.
    const picture = pictures.full();
    let outbox = this.#outboxes.get(id);
    if (!outbox) {
      outbox = new Outbox({ ...this.#deps, id });
      this.#outboxes.set(id, outbox);
    }
    let left: readonly string[] | undefined;
    outbox.add(async (signal) => {
      try {
        await this.send(id, notice, await picture, signal, left);
      } catch (error) {
        left = leftOf(error) ?? left;
        throw error;
      }
    });
  }

  #get(id: string): StoredChannel {
    const found = this.#all.find((one) => one.id === id);
    if (!found) {
      throw new PerchError('notFound', 'there is no such channel');
    }
    return found;
  }

  #shown({ settings, ...one }: StoredChannel): ShownChannel {
    const outbox = this.#outboxes.get(one.id);
    return { ...one, settings: shownSettings(settings), problem: outbox?.problem, waiting: outbox?.count ?? 0 };
  }

  /** @param change computes all from those of now; made again if another server was faster */
  #change(
    change: (all: readonly StoredChannel[]) => readonly StoredChannel[] | Promise<readonly StoredChannel[]>,
  ): Promise<void> {
    return this.#document.change(async () => {
      const all = await change(this.#all);
      await this.#document.save(() => ({ channels: all }));
      this.#all = all;
    });
  }
}

/** Recipients of an e-mail that another attempt may reach. */
function leftOf(error: unknown): readonly string[] | undefined {
  const left = error instanceof PerchError ? error.context['left'] : undefined;
  return Array.isArray(left) ? (left as readonly string[]) : undefined;
}

/** @throws PerchError badInput */
async function checkedSettings(settings: ChannelSettings): Promise<ChannelSettings> {
  (await kindOf(settings).load()).check(settings);
  return settings;
}

/** Sends a message, without its picture if that is too large. @throws PerchError that says what is wrong, without secrets */
async function sendBy(settings: ChannelSettings, message: ChannelMessage, options: SendOptions): Promise<void> {
  try {
    const { send } = await kindOf(settings).load();
    await send(settings, message, options).catch((error: unknown) => {
      if (message.picture && error instanceof PerchError && error.context['isTooLarge'] === true) {
        return send(settings, { ...message, picture: undefined }, options);
      }
      throw error;
    });
  } catch (error) {
    throw error instanceof PerchError ? withoutSecrets(error, settings) : error;
  }
}

/** Masks secrets: servers may repeat in their answer what they were sent. */
function withoutSecrets({ code, message, context }: PerchError, settings: ChannelSettings): PerchError {
  const text = secretsOf(settings).reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), message);
  // The message is cut after masking: half a secret would not be found.
  return new PerchError(code, text.slice(0, 300), context);
}
