import { Readable } from 'node:stream';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { DEVICE_EVENT_TYPES, type DeviceEvent, type DeviceEventType } from '../../../base/event-bus.ts';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { WaitQuota } from '../../../base/wait-quota.ts';
import { answers } from '../schema/schemas.ts';
import { isToldTo, type Viewer } from '../schema/visibility.ts';

/** Proxies cut what is silent for a minute, some for half of it. */
const HEART_BEAT_MS = 15_000;
/** What a browser waits before it comes again. */
const RETRY_MS = 3_000;
const MAX_CLIENTS = 64;
const MAX_PER_ADDRESS = 16;
/** Whoever is so far behind does not take anything: he is let go, and may come again with the last id he has seen. */
const MAX_QUEUED_BYTES = 256 << 10;
const MAX_ID = 64;

interface StreamedEvent {
  /** Counts up. */
  readonly number: number;
  readonly type: string;
  /** One line. */
  readonly data: string;
}

/** The part of the device's events, or of its log, that these routes need. */
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
  /** The viewer or guest who asks; undefined: somebody with the action `api`. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/**
 * Who listens to the events of the device, or to its log. Viewers and guests have places of their own: a link that many have opened, or a
 * house behind one address, does not keep the owner out.
 */
export class EventStreams<E extends StreamedEvent = DeviceEvent> {
  readonly #feed: EventFeed<E>;
  readonly #clock: Clock;
  readonly #places = new WaitQuota(MAX_CLIENTS, MAX_PER_ADDRESS);
  readonly #limitedPlaces = new WaitQuota(MAX_CLIENTS, MAX_PER_ADDRESS);

  constructor(feed: EventFeed<E>, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  /**
   * Server-sent events (HTML Living Standard §9.2) from now on, or from the one after `lastId`.
   *
   * @param address canonical
   * @param wants undefined: all
   * @param mayStill asked at each heart-beat; once it fails the stream is over
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
    const leave = (isLimited ? this.#limitedPlaces : this.#places).take(address);
    if (!leave) {
      const message = `${MAX_CLIENTS} listen already, or ${MAX_PER_ADDRESS} from this address: close some of them first`;
      throw new PerchError('exhausted', message, { retryAfterS: HEART_BEAT_MS / 1000 });
    }
    const stream = new Readable({ read: () => {} });
    const send = (text: string): void => {
      if (stream.readableLength > MAX_QUEUED_BYTES) {
        stream.destroy();
      } else {
        stream.push(text);
      }
    };
    const tell = (event: E): void => {
      if (!wants || wants(event)) {
        send(`id: ${this.#feed.run}-${event.number}\nevent: ${event.type}\ndata: ${event.data}\n\n`);
      }
    };
    // Whoever is cut off before anything happens comes again with an id as well.
    const id = lastId === undefined ? `id: ${this.#feed.run}-${this.#feed.last}\n` : '';
    send(`retry: ${RETRY_MS}\n${id}\n`);
    this.#catchUp(lastId, tell, send);
    const stopListening = this.#feed.listen(tell);
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

  /** What has happened since; what is forgotten, or was another run of the program, is told as a gap. */
  #catchUp(lastId: string | undefined, tell: (event: E) => void, send: (text: string) => void): void {
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
      tell(event);
    }
  }
}

const SCHEMA = {
  summary: 'Events of the device, as server-sent events',
  description:
    'Each event has an id; who comes again with `Last-Event-ID` gets what he missed (the last 500 are kept, 192 KiB of them at most), ' +
    'and an event `gap` before it when events have been dropped. Viewers and guests get the events of cameras whose recordings they may play. ' +
    `At most ${MAX_CLIENTS} listen, ${MAX_PER_ADDRESS} from one address; viewers and guests are counted apart.`,
  tags: ['events'],
  querystring: Type.Object({
    types: Type.Optional(
      Type.String({ description: `Some of ${DEVICE_EVENT_TYPES.join(', ')}, with commas between. Without it: all.` }),
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
    // What he may can change while he listens.
    const isHis = (event: DeviceEvent): boolean => {
      const person = viewerOf(request);
      return person !== undefined && isToldTo(event, person);
    };
    const wants = (event: DeviceEvent) => (!types || types.has(event.type)) && (!isLimited || isHis(event));
    const mayStill = isLimited ? async () => checkKnown(viewerOf(request)) : () => access.require(request, 'api', '');
    const id = typeof lastId === 'string' ? lastId.slice(0, MAX_ID) : undefined;
    return (
      reply
        .type('text/event-stream; charset=utf-8')
        // nginx keeps answers back until it has some kilobytes of them.
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
    throw new PerchError('badInput', `invalid type '${unknown.slice(0, 64)}': known are ${DEVICE_EVENT_TYPES.join(', ')}`);
  }
  return wanted.length === 0 ? undefined : new Set(wanted.filter(isType));
}

const isType = (word: string): word is DeviceEventType => (DEVICE_EVENT_TYPES as readonly string[]).includes(word);
