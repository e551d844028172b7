import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Agent, request as requestTls } from 'node:https';
import { pipeline } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Replica } from './roster.ts';
import { STAMP_HEADER } from './stamp.ts';

const CONNECT_MS = 5_000;
/** Longer than any wait for a playlist, a part or a stream that begins. */
const STILL_MS = 45_000;

/** What the answer to a player depends on. Other fields stay here: those of the connection, of proxies, and of a body. */
const PASSED = [
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'cookie',
  'if-range',
  'origin',
  'range',
  'referer',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'user-agent',
  'x-perch-ui',
] as const;
/** Of the connection (RFC 9110 §7.6.1), and of the other server's host name. */
const KEPT_BACK: ReadonlySet<string> = new Set([
  'alt-svc',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  STAMP_HEADER,
  'strict-transport-security',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** There is no such server any more. A wrong certificate or an answer that does not come say nothing of the kind. */
const GONE: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

interface Forwarded {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Path and query of the holder's main port. */
  readonly target: string;
  readonly stamp: string;
}

/**
 * Has another server answer a request without a body, and passes the answer on as it arrives.
 * @returns whether it has answered; false: it has ended @throws PerchError unavailable: it cannot be asked
 */
export async function forward(agent: Agent, replica: Replica, forwarded: Forwarded): Promise<boolean> {
  const answer = await ask(agent, replica, forwarded);
  const { reply } = forwarded;
  if (answer === 'left') {
    reply.hijack();
    return true;
  }
  if (answer?.headers[STAMP_HEADER] !== replica.name) {
    // What answers there is a proxy, or the next run of the server.
    answer?.destroy();
    return false;
  }
  reply.hijack();
  const head: Record<string, string | number | string[] | undefined> = reply.getHeaders();
  reply.raw.writeHead(answer.statusCode ?? 502, { ...head, ...passedBack(answer.headers) });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  pipeline(answer, reply.raw, () => resolve(true));
  return promise;
}

/** @returns `left`: the client has; undefined: the server has ended */
async function ask(
  agent: Agent,
  replica: Replica,
  forwarded: Forwarded,
): Promise<IncomingMessage | 'left' | undefined> {
  for (;;) {
    const { answer, hasLeft, isReused } = send(agent, replica, forwarded);
    try {
      return await answer;
    } catch (error) {
      const isGone = GONE.has((error as NodeJS.ErrnoException).code);
      if (hasLeft()) {
        return 'left';
      }
      if (!isGone) {
        const why = `${replica.address}, which has the session, cannot be asked: ${explain(error)}`;
        throw new PerchError('unavailable', why, { retryAfterS: 1 }, error);
      }
      // The other side may have closed a kept connection just then.
      if (!isReused()) {
        return undefined;
      }
    }
  }
}

function send(agent: Agent, { address }: Replica, { request, reply, target, stamp }: Forwarded) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const colon = address.lastIndexOf(':');
  const outgoing = requestTls({
    host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    port: Number(address.slice(colon + 1)),
    method: request.method,
    path: target,
    headers: { ...passed(request.headers), [STAMP_HEADER]: stamp },
    agent,
    timeout: CONNECT_MS,
  });
  let code = 'ETIMEDOUT';
  const wait = (): void => {
    code = 'ESTALLED';
    outgoing.setTimeout(STILL_MS);
  };
  outgoing.once('socket', (socket) => (outgoing.reusedSocket ? wait() : socket.once('secureConnect', wait)));
  outgoing.once('timeout', () => outgoing.destroy(Object.assign(new Error('it does not answer in time'), { code })));
  outgoing.once('response', resolve);
  outgoing.on('error', reject);
  let hasLeft = false;
  const leave = (): void => {
    hasLeft = true;
    outgoing.destroy();
  };
  reply.raw.once('close', leave);
  outgoing.once('close', () => reply.raw.off('close', leave));
  outgoing.end();
  return { answer: promise, hasLeft: () => hasLeft, isReused: () => outgoing.reusedSocket };
}

function passed(headers: IncomingHttpHeaders): Record<string, string> {
  const dropped = namesIn(headers.connection);
  const kept: Record<string, string> = {};
  for (const name of PASSED) {
    const value = headers[name];
    if (typeof value === 'string' && !dropped.has(name)) {
      kept[name] = value;
    }
  }
  return kept;
}

function passedBack(headers: IncomingHttpHeaders): Record<string, string | string[] | undefined> {
  const dropped = namesIn(headers.connection);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !KEPT_BACK.has(name) && !dropped.has(name)));
}

/** Fields that belong to the connection, too. */
const namesIn = (connection = ''): ReadonlySet<string> =>
  new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
