import { join } from 'node:path';
import { headers } from '@nats-io/transport-node';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { eventReport } from '../../../record/events/event-report.ts';
import type { BusConnection } from './connection.ts';
import type { Credential } from './credential.ts';
import { OUTBOX_FILE, Outbox, type QueuedEvent } from './outbox.ts';
import { bucketSubject, eventSubject, stateKey, storedSubject } from './subjects.ts';

/** An event that comes while the stream has no leader is lost. */
const CONFIRM_MS = 2_000;
/** By which a box knows its event again when the stream has stored it. */
const EVENT_HEADER = 'Perch-Event';
const FIRST_PAUSE_MS = 500;
/** The state is published again after this, and forgotten by the bucket after three times of it: the box is away. */
const STATE_MS = 30_000;
export const STATE_KEPT_MS = 3 * STATE_MS;
/** Changes within this time are published together. */
const STATE_PAUSE_MS = 1_000;
export const MAX_STATE_BYTES = 128 << 10;

/** A camera as it is now. */
export interface CameraState {
  readonly path: string;
  readonly name: string | null;
  readonly ready: boolean;
  readonly recording: boolean;
}

/** What a box publishes. */
export interface BoxSource {
  readonly version: string;
  cameras(): readonly CameraState[];
  /** Outages of cameras, of a minute or longer, that overlap a period. */
  outages(fromUs: number, toUs: number): readonly CameraEvent[];
  /** @returns a function that unsubscribes */
  onEvent(listener: (event: CameraEvent) => void): () => void;
  /** Called when cameras may have changed. @returns a function that unsubscribes */
  onChange(listener: () => void): () => void;
}

interface BoxSideOptions {
  readonly box: string;
  readonly source: BoxSource;
  readonly folder: string;
  /** Called with each new connection. */
  readonly onConnected?: (connection: BusConnection, credential: Credential) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** A float in [0, 1). */
  readonly random?: () => number;
}

/** Publishes events, which stay on the disk until the stream has them, and the state of this box. */
export class BoxSide {
  readonly #options: BoxSideOptions;
  readonly #outbox: Outbox;
  readonly #stops: (() => void)[];
  /** Aborts when the present connection has ended. */
  #over = new AbortController();
  #connection: BusConnection | undefined;
  /** Wakes the sender, which waits for an event. */
  #wake: () => void = () => {};
  /** Called with an event that the stream has stored. */
  #stored: (messageId: string) => void = () => {};
  #stateIsDue = false;
  #isClosed = false;

  constructor(options: BoxSideOptions) {
    const { source, clock } = options;
    this.#options = options;
    this.#outbox = new Outbox(join(options.folder, OUTBOX_FILE), options.log);
    this.#stops = [
      source.onEvent((event) => this.#onEvent(event)),
      Outages.watch(clock, source.outages, (outage) => this.#onEvent(outage)),
      source.onChange(() => this.#changed()),
      clock.every(STATE_MS, () => this.#publishState()),
    ];
  }

  get queued(): number {
    return this.#outbox.size;
  }

  get dropped(): number {
    return this.#outbox.dropped;
  }

  /** Sends over this connection until it ends. @throws if the client rejects that */
  async serve(connection: BusConnection, credential: Credential): Promise<void> {
    const over = new AbortController();
    this.#over = over;
    this.#connection = connection;
    void connection.ended.then(() => {
      over.abort();
      this.#wake();
    });
    // Servers ask a box whose state they see.
    void this.#takeRequests(connection, credential).then(() => this.#publishState());
    connection.client.subscribe(storedSubject(this.#options.box), {
      callback: (fault, message) => {
        if (!fault) {
          this.#stored(message.headers?.get(EVENT_HEADER) ?? '');
        }
      },
    });
    await this.#send(connection, over.signal);
    if (this.#connection === connection) {
      this.#connection = undefined;
    }
  }

  async #takeRequests(connection: BusConnection, credential: Credential): Promise<void> {
    try {
      await this.#options.onConnected?.(connection, credential);
    } catch (error) {
      this.#options.log.warn({ cause: explain(error) }, 'requests of the fleet are not taken');
    }
  }

  /** Unconfirmed events stay on the disk. */
  close(): void {
    for (const stop of this.#stops) {
      stop();
    }
    this.#isClosed = true;
    this.#over.abort();
    this.#wake();
    this.#outbox.close();
  }

  #onEvent(event: CameraEvent): void {
    this.#outbox.push(event.id, JSON.stringify(eventReport(event)));
    this.#wake();
  }

  async #send(connection: BusConnection, signal: AbortSignal): Promise<void> {
    const { clock, log, random = Math.random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      // Events that are sent and not confirmed yet.
      const batch = this.#outbox.oldest(32);
      if (batch.length === 0) {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
        continue;
      }
      const missing = await this.#publish(connection, batch, signal);
      if (this.#isClosed) {
        return;
      }
      // What follows one that was not stored is sent again after it: the start of an event is never the last that servers hear of it.
      const first = batch.findIndex(({ messageId }) => missing.has(messageId));
      const done = first < 0 ? batch : batch.slice(0, first);
      this.#outbox.remove(done.map(({ number }) => number));
      failures = first < 0 ? 0 : failures + 1;
      if (first >= 0 && !signal.aborted) {
        if (failures === 1) {
          log.warn({ queued: this.#outbox.size }, 'events are not stored by the bus, retrying');
        }
        const pauseMs = Math.min(30_000, FIRST_PAUSE_MS * 2 ** (failures - 1));
        await clock.sleep(Math.round(pauseMs * (1 - random() / 2)), signal);
      }
    }
  }

  /** Sends events, and waits until the stream has stored them. @returns those of which it does not say so in time */
  async #publish(
    { client }: BusConnection,
    batch: readonly QueuedEvent[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const { clock, log, box } = this.#options;
    const missing = new Set(batch.map(({ messageId }) => messageId));
    const all = new AbortController();
    this.#stored = (messageId) => {
      missing.delete(messageId);
      if (missing.size === 0) {
        all.abort();
      }
    };
    try {
      for (const { messageId, text } of batch) {
        const named = headers();
        named.set(EVENT_HEADER, messageId);
        client.publish(eventSubject(box), text, { headers: named });
      }
    } catch (error) {
      log.debug({ cause: explain(error) }, 'events are not sent to the bus');
      return missing;
    }
    await withJoinedSignal([signal, all.signal], undefined, (joined) => clock.sleep(CONFIRM_MS, joined.signal));
    return missing;
  }

  #changed(): void {
    if (!this.#stateIsDue && this.#connection) {
      this.#stateIsDue = true;
      const { clock } = this.#options;
      void clock.sleep(STATE_PAUSE_MS, this.#over.signal).then(() => {
        this.#stateIsDue = false;
        this.#publishState();
      });
    }
  }

  /** One that is lost is published again with the next change, or after half a minute. */
  #publishState(): void {
    const { client } = this.#connection ?? {};
    if (!client || client.isClosed()) {
      return;
    }
    const { source, box, clock, log } = this.#options;
    const time = new Date(clock.wallMs()).toISOString();
    // A hundred cameras are some 10 kB.
    let cameras = source.cameras().slice(0, 500);
    const textOf = () => JSON.stringify({ time, version: source.version, cameras });
    while (cameras.length > 0 && Buffer.byteLength(textOf()) > MAX_STATE_BYTES) {
      cameras = cameras.slice(0, Math.floor(cameras.length / 2));
    }
    try {
      client.publish(bucketSubject(stateKey(box)), textOf());
    } catch (error) {
      log.debug({ cause: explain(error) }, 'the state of this box is not sent to the bus');
    }
  }
}

const LOOK_MS = 60_000;
/** An outage is known some seconds after it has begun or ended. */
const OVERLAP_US = 120e6;

type OutagesOf = (fromUs: number, toUs: number) => readonly CameraEvent[];

/** Reports outages of cameras when they have lasted for a minute, and when they are over. */
export class Outages {
  readonly #clock: Clock;
  readonly #outagesOf: OutagesOf;
  readonly #report: (outage: CameraEvent) => void;
  /** Ends by id: undefined while it is ongoing. */
  #known = new Map<string, number | undefined>();
  #fromUs: number;

  /** @param outagesOf those of all cameras that overlap a period @returns a function that ends it */
  static watch(clock: Clock, outagesOf: OutagesOf, report: (outage: CameraEvent) => void): () => void {
    const outages = new Outages(clock, outagesOf, report);
    return clock.every(LOOK_MS, () => outages.#look());
  }

  private constructor(clock: Clock, outagesOf: OutagesOf, report: (outage: CameraEvent) => void) {
    this.#clock = clock;
    this.#outagesOf = outagesOf;
    this.#report = report;
    this.#fromUs = clock.wallMs() * 1000;
  }

  #look(): void {
    const nowUs = this.#clock.wallMs() * 1000;
    const known = new Map<string, number | undefined>();
    for (const outage of this.#outagesOf(Math.min(this.#fromUs, nowUs), nowUs)) {
      const key = `${outage.path}\n${outage.id}`;
      known.set(key, outage.endUs);
      if (!this.#known.has(key) || this.#known.get(key) !== outage.endUs) {
        this.#report(outage);
      }
    }
    this.#known = known;
    this.#fromUs = nowUs - OVERLAP_US;
  }
}
