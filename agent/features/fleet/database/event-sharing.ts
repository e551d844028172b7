import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { DocumentCarrier } from '../../../base/files/document-carrier.ts';
import type { Logger } from '../../../base/log.ts';
import type { SharedMark } from '../../../playback/index/event-table.ts';
import type { Playback } from '../../../playback/playback.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import type { CameraEvents, EventSharer } from '../../../recordings/events.ts';
import { Outbox } from '../bus/outbox.ts';
import { Database } from './database.ts';
import { type EventChange, eventRows } from './event-rows.ts';

/** In the data folder. */
const QUEUE_FILE = 'database-events.db';
const PUT_AT_ONCE = 500;
const TAKEN_AT_ONCE = 1_000;
/** Those that are written before other work gets a turn. */
const TAKEN_IN_TURN = 200;
/** How long after a failure, and without any news, the database is asked. */
const PAUSE_MS = 5_000;
/** How often events of lost servers are looked for. */
const LOST_MS = 600_000;
/** Older events are not told to the page: it asks for them. */
const NEWS_US = 120_000_000;
/** How long an end of Perch waits for the database. */
const CLOSE_MS = 2_000;

interface SharingOptions {
  readonly database: Pick<Database, 'fault' | 'transaction' | 'onEvents'>;
  readonly events: Pick<CameraEvents, 'journal' | 'noteElsewhere'>;
  readonly index: Pick<Playback['events'], 'sharedMark' | 'setSharedMark' | 'takeShared'>;
  /** Shows a new event to people who have the page open. */
  readonly show: (event: CameraEvent) => void;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Gives the events of this server to PostgreSQL, and takes those of others into its index, which answers all requests. What is to be given
 * waits in a file. The index knows how far it has taken what is there, so that an index that is made anew takes all again.
 */
export class EventSharing implements EventSharer {
  readonly #options: SharingOptions;
  readonly #queue: Outbox;
  readonly #stop = new AbortController();
  readonly #forget: () => void;
  #pause = new AbortController();
  #isDue = true;
  #running: Promise<void> = Promise.resolve();
  #fault: string | undefined;
  #putAtOnce = PUT_AT_ONCE;
  /** How often events did not come into the queue, or were dropped from it. */
  #lost = 0;
  #lookedMs = -Infinity;
  /** Changes of other servers that are not taken yet. */
  #behind = 0;

  constructor(options: SharingOptions) {
    this.#options = options;
    this.#queue = new Outbox(join(options.dataDir, QUEUE_FILE), options.log, undefined, 'the database');
    this.#forget = options.database.onEvents(() => this.#wake());
  }

  begin(): void {
    this.#running = this.#run();
  }

  /** Why events of other servers are missing at present, or theirs lack those of this one. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** For people; undefined: nothing is wrong. */
  get problem(): string | undefined {
    return this.#fault === undefined
      ? this.#behind > TAKEN_AT_ONCE
        ? `lists are not complete yet: ${this.#behind} changes of events are still to be taken from the database`
        : undefined
      : `events are not shared with other servers: ${this.#fault}`;
  }

  get waiting(): { readonly toGive: number; readonly toTake: number } {
    return { toGive: this.#queue.size, toTake: this.#behind };
  }

  stored(event: CameraEvent): void {
    // Events of this machine itself are its own.
    if (event.path === '') {
      return;
    }
    const { size } = this.#queue;
    this.#queue.push(event.id, JSON.stringify(event));
    if (this.#queue.size <= size) {
      // Others were dropped, or the disk is full. The journals have them: all of them are given again.
      this.#lost += 1;
      this.#setUploaded(false);
    }
    this.#wake();
  }

  async expired(beforeUs: ReadonlyMap<string, number>): Promise<void> {
    const { database, log } = this.#options;
    try {
      while (!this.#stop.signal.aborted && (await database.transaction((one) => eventRows.expire(one, beforeUs)))) {
        await setImmediate();
      }
    } catch (error) {
      // The next time does it.
      log.debug({ cause: explain(error) }, 'old events stay in the database');
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
    this.#forget();
    if (this.#options.database.fault === undefined) {
      const given = this.#give().catch(() => {});
      await Promise.race([given, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    }
    this.#queue.close();
  }

  #wake(): void {
    this.#isDue = true;
    this.#pause.abort();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#isDue = false;
      try {
        await this.#exchange();
        this.#fault = undefined;
      } catch (error) {
        const cause = explain(error);
        if (this.#fault !== cause) {
          log.error({ cause }, 'events are not shared with other servers at present');
        }
        this.#fault = cause;
        // What wakes it meanwhile would fail, too.
        await clock.sleep(PAUSE_MS, signal);
        continue;
      }
      if (!this.#isDue) {
        this.#pause = new AbortController();
        await clock.sleep(PAUSE_MS, this.#pause.signal);
      }
    }
  }

  async #exchange(): Promise<void> {
    const { database, clock } = this.#options;
    await this.#give();
    await this.#take();
    await this.#giveAll();
    if (clock.monoMs() - this.#lookedMs > LOST_MS) {
      this.#lookedMs = clock.monoMs();
      await database.transaction((client) => eventRows.endLost(client, clock.wallMs() * 1000));
    }
  }

  /** What waits, in its order. */
  async #give(): Promise<void> {
    for (let rows = this.#queue.oldest(this.#putAtOnce); rows.length > 0; rows = this.#queue.oldest(this.#putAtOnce)) {
      await this.#giveSome(rows.map(({ text }) => JSON.parse(text)));
      this.#queue.remove(rows.map(({ number }) => number));
    }
  }

  async #giveSome(events: readonly CameraEvent[]): Promise<void> {
    const { database, log } = this.#options;
    try {
      await database.transaction((client) => eventRows.put(client, events));
      this.#putAtOnce = PUT_AT_ONCE;
    } catch (error) {
      // Codes of class 22: the database will never take it. Alone it does not hold up the others.
      const isRejected = error instanceof PerchError && String(error.context['code']).startsWith('22');
      if (!isRejected || events.length > 1) {
        this.#putAtOnce = isRejected ? 1 : PUT_AT_ONCE;
        throw error;
      }
      log.error({ cause: explain(error), path: events[0]?.path }, 'the database rejects an event');
    }
  }

  /** All that the journals have: the first time, and after events were dropped from the queue. */
  async #giveAll(): Promise<void> {
    const { events, index, database } = this.#options;
    if (index.sharedMark?.isUploaded !== false) {
      return;
    }
    const lost = this.#lost;
    for await (const month of events.journal.lastMonths(-Infinity)) {
      for (let from = 0; from < month.length && !this.#stop.signal.aborted; from += PUT_AT_ONCE) {
        const some = month.slice(from, from + PUT_AT_ONCE).filter(({ path }) => path !== '');
        await database.transaction((client) => eventRows.put(client, some));
        await this.#give();
      }
    }
    if (lost === this.#lost && !this.#stop.signal.aborted) {
      this.#setUploaded(true);
    }
  }

  #setUploaded(isUploaded: boolean): void {
    const { index } = this.#options;
    const mark = index.sharedMark;
    if (mark && mark.isUploaded !== isUploaded) {
      index.setSharedMark({ ...mark, isUploaded });
    }
  }

  /** What has changed since the last time. */
  async #take(): Promise<void> {
    const { database, index } = this.#options;
    const state = await database.transaction((client) => eventRows.state(client));
    const known = index.sharedMark;
    const isSame = known?.store === state.id && known.version <= state.version;
    let mark: SharedMark = isSame ? known : { store: state.id, version: 0, isUploaded: false };
    index.setSharedMark(mark);
    while (mark.version < state.version && !this.#stop.signal.aborted) {
      this.#behind = state.version - mark.version;
      const changes = await database.transaction((client) => eventRows.after(client, mark.version, TAKEN_AT_ONCE));
      for (let from = 0; from < changes.length; from += TAKEN_IN_TURN) {
        mark = this.#takeSome(changes.slice(from, from + TAKEN_IN_TURN), mark, 0);
        await setImmediate();
      }
      if (changes.length < TAKEN_AT_ONCE) {
        mark = this.#takeSome([], mark, state.version);
      }
    }
    this.#behind = 0;
  }

  /** @param before as the index has it @param version at least this one is reached @returns the new mark */
  #takeSome(changes: readonly EventChange[], before: SharedMark, version: number): SharedMark {
    const { events, index, show, clock } = this.#options;
    const found = index.sharedMark;
    if (found?.version !== before.version) {
      throw new PerchError('unavailable', 'the index of this server was made anew');
    }
    const mark = { ...found, version: Math.max(changes.at(-1)?.version ?? before.version, version) };
    const news = changes.flatMap(({ event }) => event ?? []);
    const changed = index.takeShared(news, mark);
    if (!changed) {
      throw new PerchError('unavailable', 'the index of this server takes no events');
    }
    events.noteElsewhere(changed.filter(({ isNew }) => isNew).map(({ event }) => event));
    const newsUs = clock.wallMs() * 1000 - NEWS_US;
    for (const { event } of changed) {
      if (Math.max(event.startUs, event.endUs ?? 0) >= newsUs) {
        show(event);
      }
    }
    return mark;
  }
}

/** @returns undefined: another carrier, which shares no events */
export function openSharing(
  carrier: DocumentCarrier,
  options: Omit<SharingOptions, 'database'>,
): EventSharing | undefined {
  return carrier instanceof Database ? new EventSharing({ ...options, database: carrier }) : undefined;
}
