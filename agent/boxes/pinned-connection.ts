import { Agent } from 'node:https';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { explain, PerchError } from '../base/errors.ts';
import { pinFault } from '../tls/pin.ts';

const MAX_FREE_SOCKETS = 4;

/**
 * Connects by TLS; nothing is sent before the certificate is checked.
 * @param address `host:port`, IPv6 in brackets @throws PerchError unavailable, unauthorized for another certificate
 */
export function connectPinned(address: string, pin: string, signal?: AbortSignal): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  // SNI has no IP addresses (RFC 6066 §3). The pin replaces the signature check.
  const servername = isIP(host) === 0 ? host : '';
  const socket = connect({ host, port: Number(address.slice(colon + 1)), servername, rejectUnauthorized: false });
  socket.setNoDelay(true);
  const fail = (error: Error): void => {
    socket.destroy();
    const cause = error instanceof PerchError ? error : new PerchError('unavailable', explain(error));
    reject(new PerchError(cause.code, `${address}: ${cause.message}`, cause.context));
  };
  const abort = (): void => fail(new PerchError('timeout', 'no answer in time'));
  signal?.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', abort));
  socket.on('error', fail);
  socket.once('secureConnect', () => {
    const fault = pinFault(socket.getPeerX509Certificate(), pin);
    if (fault) {
      fail(fault);
    } else {
      signal?.removeEventListener('abort', abort);
      resolve(socket);
    }
  });
  if (signal?.aborted) {
    abort();
  }
  return promise;
}

/** Keeps connections to one box open between requests. */
export class PinnedAgent extends Agent {
  readonly #address: string;
  readonly #pin: string;

  constructor(address: string, pin: string) {
    super({ keepAlive: true, maxFreeSockets: MAX_FREE_SOCKETS });
    this.#address = address;
    this.#pin = pin;
  }

  override createConnection(_options: unknown, done?: (error: Error | null, socket: TLSSocket) => void): undefined {
    connectPinned(this.#address, this.#pin).then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined;
  }
}
