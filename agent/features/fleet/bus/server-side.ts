import type { KV } from '@nats-io/kv';
import type { BoxBus, BusCarrier } from '../../../auth/pairing/box-bus.ts';
import { type Clock, endsWithin } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import type { FeatureProblem } from '../../contract.ts';
import { BusRequests, notCarried } from './asking.ts';
import { STATE_KEPT_MS } from './box-side.ts';
import type { BusConnection } from './connection.ts';
import type { Credential } from './credential.ts';
import { EventReader } from './event-reader.ts';
import { openStores } from './stores.ts';
import type { Summons } from './summons.ts';

/** How often boxes that have gone are looked for. */
const CHECK_MS = 10_000;
/** A cluster that has lost a server elects others to lead streams. */
const ELECTION_MS = 20_000;
const RETRY_MS = 200;
/**
 * A request gets no answer during an election, or if the cluster has given it to the server that it has lost: with three servers every third
 * request, for half a minute. Each attempt waits longer than the one before, because the bus may only be busy.
 */
const [FIRST_ANSWER_MS, MORE_ANSWER_MS] = [1_000, 500];
/** After this long without a failure the next one is retried as the first. */
const WORKED_MS = 10_000;
/** A server whose NATS server has ended is on another one by then. */
const AWAY_MS = 1_500;
const STATE_KEY = /^([0-9a-f]{16})\.state$/;

interface OpenBus {
  readonly connection: BusConnection;
  readonly credential: Credential;
  /** Aborts when it has ended. */
  readonly signal: AbortSignal;
}

interface ServerSideOptions {
  readonly bus: BoxBus;
  readonly summons: Summons;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reads the events and states of boxes. */
export class ServerSide implements BusCarrier {
  readonly #options: ServerSideOptions;
  readonly #events: EventReader;
  readonly #requests = new BusRequests();
  readonly #stopChecking: () => void;
  /** When the last state of a box came, in monotonic ms. */
  readonly #seen = new Map<string, number>();
  #open: OpenBus | undefined;
  #opened = Promise.withResolvers<void>();
  /** When the last connection ended, in monotonic ms. */
  #lostMs: number;

  constructor(options: ServerSideOptions) {
    this.#options = options;
    this.#events = new EventReader(options.clock, options.log);
    this.#lostMs = options.clock.monoMs();
    this.#stopChecking = options.clock.every(CHECK_MS, () => this.#forgetGone());
    options.bus.attach(this);
  }

  /**
   * Asks boxes, makes the stores of the bus unless it has them, and reads, until the connection ends, or the bus ends it.
   * @throws if the bus rejects that
   */
  async serve(connection: BusConnection, credential: Credential): Promise<void> {
    const { clock } = this.#options;
    const over = new AbortController();
    void connection.ended.then(() => over.abort());
    this.#open = { connection, credential, signal: over.signal };
    this.#opened.resolve();
    void connection.ended.then(() => {
      this.#open = undefined;
      this.#opened = Promise.withResolvers();
      this.#lostMs = clock.monoMs();
    });
    await this.#read(connection, over.signal);
  }

  async #read({ client }: BusConnection, over: AbortSignal): Promise<void> {
    const open = (limitMs: number) => openStores(client, this.#options.log, limitMs);
    const { manager, states } = await this.#whenLed(over, open);
    const stop = new AbortController();
    const end = () => stop.abort();
    over.addEventListener('abort', end, { once: true });
    try {
      const { signal } = stop;
      await Promise.race([
        this.#whenLed(signal, (limitMs) => this.#events.serve({ client, manager, signal }, limitMs)),
        this.#whenLed(signal, () => this.#watch(states, signal)),
      ]);
    } finally {
      over.removeEventListener('abort', end);
      end();
    }
  }

  /** Repeats it while a cluster that has lost a server elects others to lead its streams. @throws what it has thrown last */
  async #whenLed<T>(signal: AbortSignal, work: (limitMs: number) => Promise<T>): Promise<T> {
    const { clock, log } = this.#options;
    let failures = 0;
    let failingMs = clock.monoMs();
    for (;;) {
      const startedMs = clock.monoMs();
      try {
        return await work(FIRST_ANSWER_MS + failures * MORE_ANSWER_MS);
      } catch (error) {
        if (clock.monoMs() - startedMs > WORKED_MS) {
          failures = 0;
          failingMs = clock.monoMs();
        }
        failures += 1;
        if (signal.aborted || error instanceof PerchError || clock.monoMs() - failingMs > ELECTION_MS) {
          throw error;
        }
        log.debug({ cause: explain(error) }, 'the bus has no leader of its streams');
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  carries(box: string): boolean {
    return this.#seen.has(box);
  }

  async summon(box: string): Promise<void> {
    if (this.carries(box)) {
      await this.#options.summons.ask(() => this.#whenOpen(), box);
    }
  }

  fault(box: string): string | undefined {
    return this.#options.summons.fault(box);
  }

  async ask(box: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const open = this.carries(box) ? await this.#whenOpen() : undefined;
    if (!open) {
      throw notCarried('the box is not on the bus');
    }
    try {
      return await withJoinedSignal([signal, open.signal], undefined, (joined) =>
        this.#requests.ask(open.connection, open.credential, { box, request, signal: joined.signal }),
      );
    } catch (error) {
      throw open.signal.aborted && !signal.aborted ? notCarried('the bus has ended') : error;
    }
  }

  /** The bus, also when it will be there in a moment. */
  async #whenOpen(): Promise<OpenBus | undefined> {
    if (!this.#open) {
      await endsWithin(this.#options.clock, AWAY_MS, this.#opened.promise);
    }
    return this.#open;
  }

  follow(...args: Parameters<BusCarrier['follow']>): () => Promise<void> {
    return this.#events.follow(...args);
  }

  problems(): readonly FeatureProblem[] {
    return this.#events.floods.problems();
  }

  past(...args: Parameters<BusCarrier['past']>): () => Promise<void> {
    return this.#events.past(...args);
  }

  close(): void {
    this.#events.close();
    this.#stopChecking();
    this.#options.bus.attach(undefined);
  }

  async #watch(states: KV, signal: AbortSignal): Promise<void> {
    const changes = await states.watch();
    signal.addEventListener('abort', () => changes.stop(), { once: true });
    for await (const { key, operation } of changes) {
      const [, box] = STATE_KEY.exec(key) ?? [];
      if (box !== undefined && operation === 'PUT' && (this.#seen.has(box) || this.#seen.size < 20_000)) {
        const isNew = !this.#seen.has(box);
        this.#seen.set(box, this.#options.clock.monoMs());
        if (isNew) {
          this.#options.bus.changed();
        }
      }
    }
  }

  /** During a short outage of the bus nobody is known to have gone. After a longer one boxes are asked over their own connections. */
  #forgetGone(): void {
    const { clock, bus, summons } = this.#options;
    const isKnown = this.#open !== undefined || clock.monoMs() - this.#lostMs > STATE_KEPT_MS;
    const gone = [...this.#seen].filter(([, seenMs]) => clock.monoMs() - seenMs > STATE_KEPT_MS);
    if (isKnown && gone.length > 0) {
      for (const [box] of gone) {
        this.#seen.delete(box);
        summons.forget(box);
      }
      bus.changed();
    }
  }
}
