import { Agent } from 'node:https';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { explain, PerchError } from '../../../base/errors.ts';
import { connectChecked } from '../../../base/network/http-client.ts';
import { plainPortFault } from '../../../base/network/plain-port.ts';
import { pinFault } from '../../../tls/pin.ts';

/**
 * Connects by TLS; nothing is sent before the certificate is checked.
 * @param address `host:port`, IPv6 in brackets @throws PerchError unavailable, unauthorized for another certificate
 */
export async function connectPinned(address: string, pin: string, signal?: AbortSignal): Promise<TLSSocket> {
  const check = (socket: TLSSocket) => pinFault(socket.getPeerX509Certificate(), pin);
  const colon = address.lastIndexOf(':');
  const place = { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
  try {
    return await connectChecked(place, check, signal).catch((error: unknown) => {
      if (isIP(place.host) !== 0 || !isOfPin(error)) {
        throw error;
      }
      // By its name the box may show a certificate of a public authority; without one it shows its own.
      return connectChecked({ ...place, servername: '' }, check, signal).catch(() => {
        throw error;
      });
    });
  } catch (error) {
    if (signal?.aborted) {
      throw new PerchError('timeout', `${address}: no answer in time`);
    }
    const plain = plainPortFault(error, place, 'enter the https port of the box');
    if (plain) {
      throw plain;
    }
    const { code, message, context } =
      error instanceof PerchError ? error : new PerchError('unavailable', explain(error));
    throw new PerchError(code, `${address}: ${message}`, context);
  }
}

const isOfPin = (error: unknown): boolean => error instanceof PerchError && error.context['why'] === 'pin';

/** Keeps connections to one box open between requests. */
export class PinnedAgent extends Agent {
  readonly #address: string;
  readonly #pin: string;

  constructor(address: string, pin: string) {
    super({ keepAlive: true, maxFreeSockets: 4 });
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
