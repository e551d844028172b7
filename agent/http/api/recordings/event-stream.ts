import { Readable } from 'node:stream';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { DEVICE_EVENT_TYPES, type DeviceEvent, type DeviceEventType } from '../../../base/event-bus.ts';
import { WaitQuota } from '../../../base/network/wait-quota.ts';
import { answers } from '../schema/schemas.ts';
import { isVisibleTo, type Viewer } from '../schema/visibility.ts';

/** Interval of heartbeats: proxies close connections that are silent for a minute, some after 30 s. */
const HEART_BEAT_MS = 15_000;
/** Delay before a browser reconnects. */
const RETRY_MS = 3_000;
const MAX_CLIENTS = 64;
const MAX_PER_ADDRESS = 16;

interface StreamedEvent {
  readonly number: number;
  readonly type: string;
  readonly data: string;
}

/** The box's events, or its log. */
interface EventFeed<E extends StreamedEvent> {
  readonly run: string;
  readonly last: number;
  after(number: number): { readonly events: readonly E[]; readonly missed: number };
  listen(listener: (event: E) => void): () => void;
}

interface EventStreamOptions {
  readonly streams: EventStreams;
  readonly access: {
    require(request: FastifyRequest, action: 'api', path: string): Promise<void>;
    ip(request: FastifyRequest): string;
  };
  /** The requesting viewer or guest, or undefined for a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/**
 * Streams the events of the box, or its log. Viewers and guests have separate limits: many browsers that share a link or
 * an address must not keep the owner out.
 */
export class EventStreams<E extends StreamedEvent = DeviceEvent> {
  readonly #feed: EventFeed<E>;
  readonly #clock: Clock;
  readonly #clients = new WaitQuota(MAX_CLIENTS, MAX_PER_ADDRESS);
  readonly #limitedClients = new WaitQuota(MAX_CLIENTS, MAX_PER_ADDRESS);

  constructor(feed: EventFeed<E>, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  /**
   * Server-sent events (HTML Living Standard §9.2) from now on, or from the one after `lastId`.
   * @param address canonical
   * @param wants undefined for all
   * @param mayStill checked at each heartbeat; a rejection ends the stream
   * @param isLimited a viewer or guest
   * @throws PerchError exhausted
   */
  open(
    address: string,
    wants: ((event: E) => boolean) | undefined,
    lastId: string | undefined,
    mayStill: () => Promise<unknown>,
    isLimited = false,
  ): Readable {
    const leave = (isLimited ? this.#limitedClients : this.#clients).take(address);
    if (!leave) {
      const message = `${MAX_CLIENTS} clients listen already, or ${MAX_PER_ADDRESS} from this address: close some of them first`;
      throw new PerchError('exhausted', message, { retryAfterS: HEART_BEAT_MS / 1000 });
    }
    const stream = new Readable({ read: () => {} });
    const send = (text: string): void => {
      // A client that is further behind is disconnected, and may reconnect with its last event id.
      if (stream.readableLength > 256 << 10) {
        stream.destroy();
      } else {
        stream.push(text);
      }
    };
    const sendEvent = (event: E): void => {
      if (!wants || wants(event)) {
        send(`id: ${this.#feed.run}-${event.number}\nevent: ${event.type}\ndata: ${event.data}\n\n`);
      }
    };
    // A client disconnected before the first event can also resume.
    const id = lastId === undefined ? `id: ${this.#feed.run}-${this.#feed.last}\n` : '';
    send(`retry: ${RETRY_MS}\n${id}\n`);
    this.#catchUp(lastId, sendEvent, send);
    const stopListening = this.#feed.listen(sendEvent);
    const stopBeating = this.#clock.every(HEART_BEAT_MS, () => {
      send(': \n\n');
      mayStill().catch(end);
    });
    const stop = (): void => {
      stopListening();
      stopBeating();
    };
    const end = (): void => {
      stop();
      stream.push(null);
    };
    stream.once('close', () => {
      stop();
      leave();
    });
    return stream;
  }

  /** Sends missed events. Dropped events, and those of another run of the program, are reported as a gap. */
  #catchUp(lastId: string | undefined, sendEvent: (event: E) => void, send: (text: string) => void): void {
    if (lastId === undefined) {
      return;
    }
    const [, run, number] = /^([0-9a-z]+)-(\d{1,15})$/.exec(lastId) ?? [];
    const isOurs = run === this.#feed.run && Number(number) <= this.#feed.last;
    const { events, missed } = this.#feed.after(isOurs ? Number(number) : 0);
    if (missed > 0 || !isOurs) {
      send(`event: gap\ndata: ${JSON.stringify({ missed: isOurs ? missed : null })}\n\n`);
    }
    for (const event of events) {
      sendEvent(event);
    }
  }
}

const SCHEMA = {
  summary: 'Events of the box, as server-sent events',
  description:
    'Each event has an id. A client that reconnects with `Last-Event-ID` gets the events it missed (the last 500, at most 192 KiB), ' +
    'after an event `gap` if some were dropped. Viewers and guests get events of cameras whose recordings they may play. ' +
    `At most ${MAX_CLIENTS} clients, ${MAX_PER_ADDRESS} from one address; viewers and guests are counted separately.`,
  tags: ['events'],
  querystring: Type.Object({
    types: Type.Optional(
      Type.String({ description: `Comma-separated, of ${DEVICE_EVENT_TYPES.join(', ')}. Default: all.` }),
    ),
  }),
  response: answers(Type.String(), 400, 429),
  produces: { 200: 'text/event-stream' },
};

/** `GET /events`. */
export const eventStreamRoutes: FastifyPluginAsync<EventStreamOptions> = async (app, { streams, access, viewerOf }) => {
  app.get<{ Querystring: { types?: unknown } }>('/events', { schema: SCHEMA }, (request, reply) => {
    const types = typesOf(request.query.types);
    const lastId = request.headers['last-event-id'];
    const isLimited = viewerOf(request) !== undefined;
    // Permissions can change during the stream.
    const isVisible = (event: DeviceEvent): boolean => {
      const person = viewerOf(request);
      return person !== undefined && isVisibleTo(event, person);
    };
    const wants = (event: DeviceEvent) => (!types || types.has(event.type)) && (!isLimited || isVisible(event));
    const mayStill = isLimited ? async () => checkKnown(viewerOf(request)) : () => access.require(request, 'api', '');
    const id = typeof lastId === 'string' ? lastId.slice(0, 64) : undefined;
    return (
      reply
        .type('text/event-stream; charset=utf-8')
        // nginx buffers some kilobytes of a response.
        .header('X-Accel-Buffering', 'no')
        .send(streams.open(access.ip(request), wants, id, mayStill, isLimited))
    );
  });
};

function checkKnown(person: Viewer | undefined): void {
  if (!person) {
    throw new PerchError('unauthorized', 'the session has ended');
  }
}

function typesOf(query: unknown): ReadonlySet<DeviceEventType> | undefined {
  const words = [query].flat().flatMap((value) => (typeof value === 'string' ? value.split(',') : []));
  const wanted = words.map((word) => word.trim()).filter((word) => word !== '');
  const unknown = wanted.find((word) => !isType(word));
  if (unknown !== undefined) {
    throw new PerchError(
      'badInput',
      `invalid type '${unknown.slice(0, 64)}': known are ${DEVICE_EVENT_TYPES.join(', ')}`,
    );
  }
  return wanted.length === 0 ? undefined : new Set(wanted.filter(isType));
}

const isType = (word: string): word is DeviceEventType => (DEVICE_EVENT_TYPES as readonly string[]).includes(word);
