import { createHash, randomBytes, type X509Certificate } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { TlsPlace } from '../../../base/network/http-client.ts';
import { isLoopbackIp } from '../../../base/network/ip-address.ts';
import { plainPortFault } from '../../../base/network/plain-port.ts';
import { SocketChannel } from '../../../base/network/socket-channel.ts';
import type { Environment } from '../../../config/load/environment.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { acceptOf } from '../../../media/websocket/frames.ts';
import { pinFault } from '../../../tls/pin.ts';
import { LINK_PATH } from '../keys/invitation.ts';
import { LinkStream } from './link-stream.ts';

const CONNECT_MS = 10_000;
/** How long the address of the former link is dialled alone: the others may be those of strangers by now. */
const HEAD_START_MS = 2_500;
const HTTPS_PORT = ':443';
const sha1 = (text: string): string => createHash('sha1').update(text).digest('base64');

interface DialOptions {
  /** Accepted besides a certificate of a known authority for that host. */
  readonly pin?: string | undefined;
  /** For `HTTPS_PROXY` and `NO_PROXY`. */
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Address of the former link. */
  readonly former?: string | undefined;
}

/** A link over the first of these addresses that answers. @throws PerchError unavailable, timeout, unauthorized: another machine answers */
export async function dial(
  addresses: readonly string[],
  options: DialOptions,
): Promise<{ readonly stream: LinkStream; readonly address: string }> {
  const found = new AbortController();
  return withJoinedSignal([found.signal, options.signal], CONNECT_MS, async (joined) => {
    const { signal } = joined;
    const formerFailed = Promise.withResolvers<void>();
    const former = addresses.find((address) => address === options.former);
    const attempts = addresses.map(async (address) => {
      if (former !== undefined && address !== former) {
        await Promise.race([options.clock.sleep(HEAD_START_MS, signal), formerFailed.promise]);
        if (signal.aborted) {
          throw new PerchError('timeout', `${address}: not tried`);
        }
      }
      const stream = await dialOne(address, { ...options, signal }).catch((error: unknown) => {
        if (address === former) {
          formerFailed.resolve();
        }
        throw error;
      });
      if (found.signal.aborted) {
        stream.destroy();
      }
      found.abort();
      return { stream, address };
    });
    try {
      return await Promise.any(attempts);
    } catch (error) {
      const { errors } = error as AggregateError;
      throw errors.find((one) => one instanceof PerchError && one.code === 'unauthorized') ?? errors[0];
    }
  });
}

async function dialOne(address: string, { pin, env, signal }: DialOptions): Promise<LinkStream> {
  const colon = address.lastIndexOf(':');
  const place = { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
  let socket: TLSSocket | undefined;
  try {
    const proxy = proxyFor(place.host, env);
    const secure = async (at: TlsPlace): Promise<TLSSocket> => {
      const below = proxy && (await throughProxy(proxy, address, signal));
      return secured(at, below, pin, signal);
    };
    socket = await secure(place).catch((error: unknown) => {
      if (pin === undefined || isIP(place.host) !== 0 || !isOfCertificate(error)) {
        throw error;
      }
      // By its name the server may show a certificate by ACME that has expired, or of a private authority; without one it shows its own.
      return secure({ ...place, servername: '' }).catch(() => {
        throw error;
      });
    });
    return await upgraded(socket, address, signal);
  } catch (error) {
    socket?.destroy();
    const plain = plainPortFault(error, place, 'a new invitation has to name the https port of the server');
    if (plain) {
      throw plain;
    }
    const { code, message, context } =
      error instanceof PerchError ? error : new PerchError(signal.aborted ? 'timeout' : 'unavailable', explain(error));
    throw new PerchError(code, `${address}: ${message}`, context);
  }
}

const isOfCertificate = (error: unknown): boolean =>
  error instanceof PerchError && error.context['why'] === 'certificate';

/** A tunnel through an HTTP proxy (RFC 9110 §9.3.6). */
function throughProxy(proxy: URL, target: string, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const { username, password } = proxy;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const outgoing = request({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(proxy.port || 80),
    method: 'CONNECT',
    path: target,
    headers: {
      Host: target,
      ...(username !== '' && { 'Proxy-Authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
    },
    agent: false,
    signal,
  });
  outgoing.once('connect', ({ statusCode }: IncomingMessage, socket: Socket) => {
    // Any 2xx has opened the tunnel (RFC 9110 §9.3.6).
    if (statusCode !== undefined && statusCode >= 200 && statusCode < 300) {
      resolve(socket);
    } else {
      socket.destroy();
      reject(new PerchError('unavailable', `the proxy ${proxy.host} answers ${statusCode}`));
    }
  });
  outgoing.once('response', (answer) => {
    answer.destroy();
    reject(new PerchError('unavailable', `the proxy ${proxy.host} answers ${answer.statusCode}`));
  });
  outgoing.once('error', (error) =>
    reject(new PerchError('unavailable', `the proxy ${proxy.host}: ${explain(error)}`)),
  );
  outgoing.end();
  return promise;
}

/** TLS whose certificate a known authority has issued for the host, or that has the pin. */
function secured(
  place: TlsPlace,
  below: Socket | undefined,
  pin: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  // SNI has no IP addresses (RFC 6066 §3).
  const servername = place.servername ?? (isIP(place.host) === 0 ? place.host : '');
  const socket = connect({ ...place, ...(below && { socket: below }), servername, rejectUnauthorized: false });
  const abort = (): unknown => socket.destroy(signal.reason);
  signal.addEventListener('abort', abort);
  socket.once('close', () => {
    signal.removeEventListener('abort', abort);
    reject(new PerchError('unavailable', 'the connection was closed before TLS'));
  });
  socket.on('error', reject);
  socket.once('secureConnect', () => {
    signal.removeEventListener('abort', abort);
    const fault = certificateFault(socket, pin);
    if (fault) {
      socket.destroy();
      reject(fault);
    } else {
      socket.setNoDelay(true);
      resolve(socket);
    }
  });
  if (signal.aborted) {
    abort();
  }
  return promise;
}

function certificateFault(socket: TLSSocket, pin: string | undefined): PerchError | undefined {
  if (socket.authorized) {
    return undefined;
  }
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  if (pin !== undefined && certificate && !pinFault(certificate, pin)) {
    return undefined;
  }
  const why = String(socket.authorizationError ?? 'no certificate');
  return new PerchError('unauthorized', `another machine may answer there: its certificate is not valid (${why})`, {
    why: 'certificate',
  });
}

/** The WebSocket within the connection. @throws PerchError */
async function upgraded(socket: TLSSocket, address: string, signal: AbortSignal): Promise<LinkStream> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly [IncomingMessage, Uint8Array]>();
  const key = randomBytes(16).toString('base64');
  const outgoing = request({
    createConnection: () => socket,
    path: LINK_PATH,
    signal,
    headers: {
      Host: address.endsWith(HTTPS_PORT) ? address.slice(0, -HTTPS_PORT.length) : address,
      'User-Agent': 'Perch',
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Version': '13',
    },
  });
  outgoing.once('upgrade', (answer: IncomingMessage, _socket, head: Uint8Array) => resolve([answer, head]));
  outgoing.once('response', (answer) => {
    answer.destroy();
    reject(new PerchError('unavailable', `the server answers ${answer.statusCode} to a WebSocket`));
  });
  outgoing.once('error', reject);
  outgoing.end();
  const [{ headers }, head] = await promise;
  if (headers['sec-websocket-accept'] !== acceptOf(key, sha1)) {
    throw new PerchError('badInput', 'the server sends a wrong answer to a WebSocket');
  }
  socket.setTimeout(0);
  const channel = new SocketChannel(socket);
  const stream = new LinkStream(new WebSocketChannel(channel, () => randomBytes(4)), socket);
  if (head.length > 0) {
    channel.receive(head, head.length);
  }
  return stream;
}

/** The HTTP proxy for a host, by `HTTPS_PROXY` and `NO_PROXY` as curl reads them; undefined: none. @throws PerchError for one of another kind, because the owner wants no direct connection */
export function proxyFor(host: string, env: Environment): URL | undefined {
  const given = env['HTTPS_PROXY'] || env['https_proxy'] || '';
  if (
    given === '' ||
    host === 'localhost' ||
    isLoopbackIp(host) ||
    isExempt(host, env['NO_PROXY'] || env['no_proxy'] || '')
  ) {
    return undefined;
  }
  const text = given.includes('://') ? given : `http://${given}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:') {
    throw new PerchError('unavailable', `HTTPS_PROXY is no http://host:port of a proxy (${text.split('://')[0]}://…)`);
  }
  return proxy;
}

/** `example.org` and `.example.org` stand for the host and all below it. */
function isExempt(host: string, list: string): boolean {
  const name = host.toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .map((one) => one.replace(/^\./, ''))
    .some((one) => one === '*' || (one !== '' && (name === one || name.endsWith(`.${one}`))));
}
