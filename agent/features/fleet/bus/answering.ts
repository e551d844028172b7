import { createServer, type RequestListener } from 'node:http';
import { Duplex } from 'node:stream';
import { headers, type Msg } from '@nats-io/transport-node';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { BusConnection } from './connection.ts';
import { type Credential, permits } from './credential.ts';
import { answerSubject, answersOf, requestSubject } from './subjects.ts';

export const MAX_REQUEST_BYTES = 16 << 10;
/** A longer answer goes over a connection. */
export const MAX_ANSWER_BYTES = 1 << 20;
const PART_BYTES = 128 << 10;
export const MAX_ANSWER_PARTS = MAX_ANSWER_BYTES / PART_BYTES;
/** Servers wait for 15 s. */
const ANSWER_MS = 15_000;
/** No address: requests over the bus have none, and none of its rights. */
const NO_ADDRESS = '0.0.0.0';

/** Says what a message of an answer is: a part that others follow, the last one, or that there is none because of its size or many others. */
export const ANSWER_HEADER = 'Perch-Answer';
export type AnswerPart = 'more' | 'end' | 'large' | 'busy';

interface AnsweringDeps {
  /** Notes a connection whose requests came over the bus. */
  readonly note: (connection: object) => void;
  readonly route: RequestListener;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers requests of HTTP/1.1 that come over the bus, by the routes and the rights of all others, until the connection ends. */
export function takeRequests(
  { client }: BusConnection,
  box: string,
  { jwt }: Credential,
  { note, route, clock, log }: AnsweringDeps,
): void {
  if (!permits(jwt, 'pub', answerSubject(box, '*', '*'))) {
    log.info('the credential of this box is older than requests over the bus: they need a new one');
    return;
  }
  // It never listens. No WebSockets: an answer has an end.
  const http = createServer({ shouldUpgradeCallback: () => false }, (request, response) => {
    response.shouldKeepAlive = false;
    route(request, response);
  });
  http.maxRequestsPerSocket = 1;
  const isOwn = answersOf(box);
  let [running, inSecond, secondMs] = [0, 0, 0];
  const isTooMany = (): boolean => {
    const nowMs = clock.monoMs();
    if (nowMs - secondMs >= 1_000) {
      [secondMs, inSecond] = [nowMs, 0];
    }
    inSecond += 1;
    // Of all servers together. A stolen credential of a server can send more.
    return inSecond > 200 || running >= 16;
  };
  const send = (reply: string, part: AnswerPart, bytes: Uint8Array = new Uint8Array()): void => {
    const named = headers();
    named.set(ANSWER_HEADER, part);
    client.publish(reply, bytes, { headers: named });
  };
  const answer = (reply: string, bytes: Buffer | undefined): void => {
    try {
      if (!bytes) {
        send(reply, 'large');
        return;
      }
      for (let at = 0; at < bytes.length; at += PART_BYTES) {
        send(reply, at + PART_BYTES < bytes.length ? 'more' : 'end', bytes.subarray(at, at + PART_BYTES));
      }
    } catch (error) {
      log.debug({ cause: explain(error) }, 'an answer is not sent to the bus');
    }
  };
  const take = ({ data, reply = '' }: Pick<Msg, 'data' | 'reply'>): void => {
    if (data.length > MAX_REQUEST_BYTES || !isOwn(reply)) {
      return;
    }
    if (isTooMany()) {
      send(reply, 'busy');
      return;
    }
    running += 1;
    const socket = new RequestSocket(data, (bytes) => answer(reply, bytes));
    const over = new AbortController();
    void clock.sleep(ANSWER_MS, over.signal).then(() => socket.destroy());
    socket.once('close', () => {
      running -= 1;
      over.abort();
    });
    note(socket);
    http.emit('connection', socket);
  };
  client.subscribe(requestSubject(box, 'http'), {
    callback: (fault, message) => {
      if (!fault) {
        take(message);
      }
    },
  });
}

/** What Node's HTTP/1.1 uses of a socket, for one request. */
class RequestSocket extends Duplex {
  /** NATS servers are reached by TLS. */
  readonly encrypted = true;
  readonly remoteAddress = NO_ADDRESS;
  readonly remotePort = 0;
  readonly #answer: (bytes: Buffer | undefined) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param answer gets the whole answer, or undefined if it is too long */
  constructor(request: Uint8Array, answer: (bytes: Buffer | undefined) => void) {
    super();
    this.#answer = answer;
    this.on('error', () => {});
    this.push(request);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_ANSWER_BYTES) {
      this.#answer(undefined);
      this.destroy();
    } else {
      this.#chunks.push(Buffer.from(chunk));
    }
    done();
  }

  override _final(done: () => void): void {
    if (this.#bytes > 0) {
      this.#answer(Buffer.concat(this.#chunks));
    }
    done();
    this.destroy();
  }

  setTimeout = (): this => this;
  setNoDelay = (): this => this;
  setKeepAlive = (): this => this;
}
