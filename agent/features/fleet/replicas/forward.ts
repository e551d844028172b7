import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, type AgentOptions, request as requestTls } from 'node:https';
import { pipeline } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { pinFault } from '../../../tls/pin.ts';
import type { Replica } from './roster.ts';
import { STAMP_HEADER } from './stamp.ts';

const CONNECT_MS = 5_000;
/** Longer than any wait for a stream that begins, and for a playlist or part with segments of up to 40 s. */
const STILL_MS = 125_000;

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
/** Of target and headers. Node takes 16 KiB, with those of the connection. */
const MAX_HEAD_BYTES = 14_000;

/**
 * After a connection that broke. The other side may have closed a kept one just then. A process that is killed resets connections, also
 * new ones, before its port is closed.
 */
const PAUSES_MS = [0, 50, 150, 400];
const NEVER = new AbortController().signal;
const BROKEN: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

interface Place extends AgentOptions {
  readonly host: string;
  readonly port: number;
  /** See `Replica.pin`. */
  readonly pin?: string | undefined;
}

/** Connects to servers with a certificate of a known authority for the host, or with their own, which their rows in the database name. */
export class ReplicaAgent extends Agent {
  constructor(maxFreeSockets: number) {
    // The name in the certificate is not checked again in a session that is resumed.
    super({ keepAlive: true, maxFreeSockets, maxCachedSessions: 0 });
  }

  /** Nothing is sent before the certificate is checked. */
  override createConnection(place: AgentOptions, done?: (error: Error | null, socket: TLSSocket) => void): undefined {
    const { pin } = place as Place;
    const socket = super.createConnection({ ...place, rejectUnauthorized: false, timeout: CONNECT_MS }) as TLSSocket;
    const late = (): void => void socket.destroy(failure('it does not answer in time', 'ETIMEDOUT'));
    socket.once('timeout', late);
    // Stays: an error of a connection that is kept is none of the process.
    socket.on('error', (error) => done?.(error, socket));
    socket.once('secureConnect', () => {
      socket.off('timeout', late).setTimeout(0);
      if (socket.authorized || (pin !== undefined && !pinFault(socket.getPeerX509Certificate(), pin))) {
        done?.(null, socket);
      } else {
        const why = String(socket.authorizationError ?? 'no certificate');
        socket.destroy(failure(`its certificate is not valid (${why})`, 'ECERTIFICATE'));
      }
    });
    return undefined;
  }

  /** Connections are kept for the certificate that was checked. */
  override getName(place?: AgentOptions): string {
    return `${super.getName(place)}:${(place as Place | undefined)?.pin ?? ''}`;
  }
}

const failure = (text: string, code: string): Error => Object.assign(new Error(text), { code });

interface Forwarded {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Path and query of the holder's main port. */
  readonly target: string;
  readonly stamp: string;
  readonly clock: Pick<Clock, 'sleep'>;
}

/**
 * Has another server answer a request without a body, and passes the answer on as it arrives.
 * @returns whether it has answered; false: it has ended, because its port is closed or the next run of the server answers
 * @throws PerchError unavailable: it cannot be asked, or a proxy has answered; badInput: the request is too large
 */
export async function forward(agent: Agent, replica: Replica, forwarded: Forwarded): Promise<boolean> {
  const { reply } = forwarded;
  const answer = isLeft(reply) ? 'left' : await ask(agent, replica, forwarded);
  if (answer === 'left') {
    reply.hijack();
    return true;
  }
  if (answer?.headers[STAMP_HEADER] !== replica.name) {
    answer?.destroy();
    if (answer === undefined || (answer.statusCode === 421 && answer.headers[STAMP_HEADER] === undefined)) {
      return false;
    }
    throw unavailable(replica, new Error(`it has answered ${answer.statusCode} without its name`));
  }
  reply.hijack();
  const head: Record<string, string | number | string[] | undefined> = reply.getHeaders();
  reply.raw.writeHead(answer.statusCode ?? 502, { ...head, ...passedBack(answer.headers) });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  pipeline(answer, reply.raw, () => resolve(true));
  return promise;
}

/** The client has gone before its request was forwarded. */
function isLeft({ raw }: FastifyReply): boolean {
  const { destroyed, stream } = raw as ServerResponse & { readonly stream?: { readonly destroyed: boolean } };
  return destroyed || stream?.destroyed === true;
}

const unavailable = ({ address: server }: Replica, cause: unknown): PerchError =>
  new PerchError('unavailable', 'the server that has the session cannot be asked', { server, retryAfterS: 1 }, cause);

/** @returns `left`: the client has; undefined: nobody listens at the address */
async function ask(
  agent: Agent,
  replica: Replica,
  forwarded: Forwarded,
): Promise<IncomingMessage | 'left' | undefined> {
  const { clock, reply } = forwarded;
  for (let tries = 1; ; tries += 1) {
    const { answer, hasLeft, isReused } = send(agent, replica, forwarded);
    try {
      return await answer;
    } catch (error) {
      if (hasLeft()) {
        return 'left';
      }
      if (isRefused(error)) {
        return undefined;
      }
      const pauseMs = isReused() ? 0 : PAUSES_MS[tries - 1];
      if (pauseMs === undefined || !BROKEN.has((error as NodeJS.ErrnoException).code)) {
        throw unavailable(replica, error);
      }
      if (pauseMs > 0) {
        await clock.sleep(pauseMs, NEVER);
      }
      if (isLeft(reply)) {
        return 'left';
      }
    }
  }
}

/** By all addresses of the host. */
const isRefused = (error: unknown): boolean =>
  (error instanceof AggregateError ? error.errors : [error]).every(({ code }) => code === 'ECONNREFUSED');

function send(agent: Agent, { address, pin }: Replica, { request, reply, target, stamp }: Forwarded) {
  const headers = { ...passed(request.headers), [STAMP_HEADER]: stamp };
  const bytes = Object.entries(headers).reduce((sum, field) => sum + field.join(': \r\n').length, target.length);
  if (bytes > MAX_HEAD_BYTES || !/^[!-~]+$/.test(target)) {
    throw new PerchError(
      'badInput',
      `address and headers of ${bytes} bytes, at most ${MAX_HEAD_BYTES} in ASCII allowed`,
    );
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const colon = address.lastIndexOf(':');
  const place: Place = {
    host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    port: Number(address.slice(colon + 1)),
    pin,
  };
  const outgoing = requestTls({ ...place, method: request.method, path: target, headers, agent, timeout: STILL_MS });
  outgoing.once('timeout', () => outgoing.destroy(failure('it does not answer in time', 'ESTALLED')));
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
