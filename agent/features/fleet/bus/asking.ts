import type { NatsConnection } from '@nats-io/transport-node';
import { NOT_CARRIED } from '../../../auth/pairing/box-bus.ts';
import { ConcurrencyLimits } from '../../../base/concurrency-limit.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { ANSWER_HEADER, type AnswerPart, MAX_ANSWER_BYTES, MAX_ANSWER_PARTS, MAX_REQUEST_BYTES } from './answering.ts';
import type { BusConnection } from './connection.ts';
import { type Credential, memberOf, permits } from './credential.ts';
import { answerSubject, newAnswerSubject, requestSubject } from './subjects.ts';

/** The error of a request that the bus does not carry, so that a connection has to. */
export const notCarried = (message: string): PerchError => new PerchError('unavailable', message, { why: NOT_CARRIED });

interface Asked {
  readonly box: string;
  /** HTTP/1.1. */
  readonly request: Uint8Array;
  readonly signal: AbortSignal;
}

/** The server's side of requests over the bus. */
export class BusRequests {
  /** By box: one that hangs or floods costs little. */
  readonly #limits = new ConcurrencyLimits(8, 64, 'requests');

  /** @returns the whole answer, HTTP/1.1 @throws PerchError unavailable with `why` NOT_CARRIED, exhausted, badInput */
  async ask({ client }: BusConnection, { jwt }: Credential, asked: Asked): Promise<Uint8Array> {
    const { id: server } = memberOf(jwt);
    if (!permits(jwt, 'sub', answerSubject('*', server, '*'))) {
      throw notCarried('the credential of this server is older than requests over the bus');
    }
    if (asked.request.length > MAX_REQUEST_BYTES) {
      throw notCarried(`a request of ${asked.request.length} bytes, the bus carries ${MAX_REQUEST_BYTES}`);
    }
    return this.#limits.run(asked.box, () => exchange(client, server, asked));
  }
}

/** One subscription for each request: what a box sends unasked, or beyond its parts, does not leave the NATS server. */
async function exchange(client: NatsConnection, server: string, { box, request, signal }: Asked): Promise<Uint8Array> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const reply = newAnswerSubject(box, server);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const subscription = client.subscribe(reply, {
    max: MAX_ANSWER_PARTS,
    callback: (fault, message) => {
      if (fault) {
        reject(new PerchError('unavailable', explain(fault), {}, fault));
        return;
      }
      // NATS answers with this status when nobody subscribes to the subject.
      if (message.headers?.code === 503) {
        reject(notCarried('the box takes no requests on the bus'));
        return;
      }
      parts.push(message.data);
      bytes += message.data.length;
      const part = (message.headers?.get(ANSWER_HEADER) ?? '') as AnswerPart;
      if (part === 'end' && bytes <= MAX_ANSWER_BYTES) {
        resolve(Buffer.concat(parts));
      } else if (part !== 'more' || bytes > MAX_ANSWER_BYTES || parts.length === MAX_ANSWER_PARTS) {
        reject(failureOf(part));
      }
    },
  });
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    client.publish(requestSubject(box, 'http'), request, { reply });
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    subscription.unsubscribe();
  }
}

function failureOf(part: AnswerPart): PerchError {
  switch (part) {
    case 'large':
      return notCarried(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    case 'busy':
      return new PerchError('exhausted', 'the box has too many requests', { retryAfterS: 1 });
    default:
      return new PerchError('badInput', 'the box sends an answer of another form over the bus');
  }
}
