import { type ConsumerMessages, DeliverPolicy, type JetStreamManager, type JsMsg, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../../base/clock.ts';
import { ConcurrencyLimit } from '../../../base/concurrency-limit.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { Floods } from './floods.ts';
import { EVENT_STREAM, eventSubject } from './subjects.ts';

const RETRY_MS = 3_000;
/** Events that a consumer of one box has asked for, and those of it that are not taken yet. A box that sends more is read from the stream, which waits. */
const MAX_AHEAD = 100;
/** Events of all boxes that the consumer has asked for: with fewer, the reader waits for round trips, and is seconds behind a box that floods the bus. */
const PULL_EVENTS = 2_000;
/** A consumer ends with the NATS server that has it, which two missed heartbeats show. */
const HEARTBEAT_MS = 1_000;
const PULL_MS = 2 * HEARTBEAT_MS;

interface ReadBus {
  readonly client: NatsConnection;
  readonly manager: JetStreamManager;
  /** Aborts when the connection has ended. */
  readonly signal: AbortSignal;
}

type Take = (event: unknown, mark: string) => Promise<void>;

interface Reader {
  readonly box: string;
  readonly take: Take;
  readonly signal: AbortSignal;
  /** Of the last event that was taken. */
  mark: string | undefined;
}

interface Follower extends Reader {
  /** Events that have come and are not taken yet, oldest first; undefined: the stream has earlier ones. */
  waiting: JsMsg[] | undefined;
  wake: () => void;
}

/** Reads the stream of events. One consumer brings what happens now, of all boxes; what one of them has missed is read for it alone. */
export class EventReader {
  readonly floods: Floods;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  /** Consumers of one box that are being made: thousands of requests at once would all be late, and be sent again. */
  readonly #opening = new ConcurrencyLimit(16, Number.POSITIVE_INFINITY, 'readers');
  readonly #followers = new Map<string, Set<Follower>>();
  #open: ReadBus | undefined;
  #opened = Promise.withResolvers<void>();
  /** The stream, and the number of its last message that has come. */
  #last = { stream: '', seq: 0 };

  constructor(clock: Clock, log: Logger) {
    this.floods = new Floods(clock, log);
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Passes on what happens, from where the consumer before has ended. Ends with the connection.
   * @param limitMs for each answer of the bus
   * @throws if the bus rejects that, or when the NATS server that has the consumer is gone
   */
  async serve(bus: ReadBus, limitMs: number): Promise<void> {
    const { created, state } = await bus.manager.streams.info(EVENT_STREAM);
    // A stream that was made anew counts from 1.
    const stream = Date.parse(String(created)).toString(36);
    if (stream !== this.#last.stream || state.last_seq < this.#last.seq) {
      this.#last = { stream, seq: state.last_seq };
      for (const follower of [...this.#followers.values()].flatMap((some) => [...some])) {
        fallBehind(follower);
      }
    }
    const consumer = await openConsumer(bus, '*', this.#last.seq + 1, limitMs);
    const messages = await consumer.consume({
      ...{ max_messages: PULL_EVENTS, expires: PULL_MS, idle_heartbeat: HEARTBEAT_MS },
    });
    const end = () => {
      messages.stop();
      this.#open = undefined;
      this.#opened = Promise.withResolvers();
    };
    bus.signal.addEventListener('abort', end, { once: true });
    if (bus.signal.aborted) {
      end();
      return;
    }
    this.#open = bus;
    this.#opened.resolve();
    const isGone = endIfGone(messages);
    for await (const message of messages) {
      this.#last.seq = message.seq;
      const [, box = ''] = message.subject.split('.');
      this.floods.note(box);
      for (const follower of this.#followers.get(box) ?? []) {
        if ((follower.waiting?.length ?? 0) < MAX_AHEAD) {
          follower.waiting?.push(message);
          follower.wake();
        } else {
          fallBehind(follower);
        }
      }
    }
    if (await isGone) {
      bus.signal.removeEventListener('abort', end);
      throw new Error('the NATS server that read the events is gone');
    }
  }

  /** See `BusCarrier.follow`. */
  follow(box: string, from: string | undefined, take: Take): () => Promise<void> {
    const stop = new AbortController();
    const follower: Follower = { box, take, mark: from, signal: stop.signal, waiting: undefined, wake: () => {} };
    const all = this.#followers.get(box) ?? new Set();
    this.#followers.set(box, all.add(follower));
    return this.#begin(stop, async () => {
      stop.signal.addEventListener('abort', () => follower.wake(), { once: true });
      await this.#attempt(follower, async (bus) => {
        await (follower.waiting ? this.#takeNext(follower, follower.waiting) : this.#catchUp(bus, follower));
        return false;
      });
      all.delete(follower);
      if (all.size === 0 && this.#followers.get(box) === all) {
        this.#followers.delete(box);
      }
    });
  }

  /** See `BusCarrier.past`. */
  past(box: string, from: string | undefined, take: Take, done: () => void): () => Promise<void> {
    const stop = new AbortController();
    const reader: Reader = { box, take, mark: from, signal: stop.signal };
    return this.#begin(stop, async () => {
      if (await this.#attempt(reader, (bus) => this.#readStored(bus, reader, this.#last.seq))) {
        done();
      }
    });
  }

  close(): void {
    this.floods.close();
    this.#stop.abort();
  }

  #begin(stop: AbortController, run: () => Promise<void>): () => Promise<void> {
    const end = () => stop.abort();
    this.#stop.signal.addEventListener('abort', end, { once: true });
    const done = run();
    return async () => {
      end();
      this.#stop.signal.removeEventListener('abort', end);
      await done;
    };
  }

  /** Repeats it while there is a bus, until it returns true. @returns false: the reader was stopped before */
  async #attempt({ box, signal }: Reader, work: (bus: ReadBus) => Promise<boolean>): Promise<boolean> {
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      const bus = this.#open;
      if (!bus) {
        await Promise.race([this.#opened.promise, stopped]);
        continue;
      }
      try {
        if (await work(bus)) {
          return true;
        }
      } catch (error) {
        this.#log.debug({ box, cause: explain(error) }, 'no events of a box from the bus');
        await this.#clock.sleep(RETRY_MS, signal);
      }
    }
    return false;
  }

  async #takeNext(follower: Follower, waiting: JsMsg[]): Promise<void> {
    const [message] = waiting;
    if (!message) {
      await new Promise<void>((wake) => {
        follower.wake = wake;
      });
      return;
    }
    await this.#take(follower, message);
    waiting.shift();
  }

  async #take(reader: Reader, { data, seq }: JsMsg): Promise<void> {
    const mark = `${this.#last.stream}.${seq}`;
    await reader.take(jsonOf(data), mark);
    // One that could not be stored is read again.
    reader.mark = mark;
  }

  /** What happens from now on waits while the stream is read up to now. */
  async #catchUp(bus: ReadBus, follower: Follower): Promise<void> {
    follower.waiting = [];
    let isRead = false;
    try {
      isRead = await this.#readStored(bus, follower, this.#last.seq);
    } finally {
      if (!isRead) {
        follower.waiting = undefined;
      }
    }
  }

  /** Reads what the stream has of a box. @returns false: the connection or the reader ended before @throws what `take` throws */
  async #readStored(bus: ReadBus, reader: Reader, last: number): Promise<boolean> {
    const { box, signal } = reader;
    const from = this.#numberOf(reader.mark);
    const consumer = await this.#opening.run(async () => {
      const newest = await bus.manager.streams.getMessage(EVENT_STREAM, { last_by_subj: eventSubject(box) });
      return newest && newest.seq > from ? openConsumer(bus, box, from + 1) : undefined;
    });
    if (!consumer || (await consumer.info(true)).num_pending === 0) {
      return true;
    }
    const messages = await consumer.consume({ max_messages: MAX_AHEAD });
    const end = () => messages.stop();
    signal.addEventListener('abort', end, { once: true });
    bus.signal.addEventListener('abort', end, { once: true });
    try {
      for await (const message of messages) {
        if (signal.aborted || bus.signal.aborted) {
          return false;
        }
        if (message.seq <= last) {
          await this.#take(reader, message);
        }
        if (message.seq >= last || message.info.pending === 0) {
          return true;
        }
      }
      return false;
    } finally {
      signal.removeEventListener('abort', end);
      bus.signal.removeEventListener('abort', end);
      messages.stop();
      await consumer.delete().catch(() => {});
    }
  }

  /** Of a message in the stream; 0: of none, or of a former stream. */
  #numberOf(mark: string | undefined): number {
    const [stream, number] = mark?.split('.') ?? [];
    return stream === this.#last.stream && Number(number) <= this.#last.seq ? Number(number) : 0;
  }
}

function fallBehind(follower: Follower): void {
  follower.waiting = undefined;
  follower.wake();
}

/** The client would ask for the same consumer until that NATS server is back. */
async function endIfGone(messages: ConsumerMessages): Promise<boolean> {
  for await (const { type } of messages.status()) {
    if (type === 'heartbeats_missed') {
      messages.stop();
      return true;
    }
  }
  return false;
}

/** @param box its id, or `*` */
const openConsumer = ({ client }: ReadBus, box: string, from: number, timeout?: number) =>
  jetstream(client, timeout === undefined ? {} : { timeout }).consumers.get(EVENT_STREAM, {
    filter_subjects: eventSubject(box),
    ...{ deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from },
  });

/** A box may send anything. */
function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}
