import { isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';
import { listenFailure } from '../../../base/listen-failure.ts';
import type { LocalPort } from './candidates.ts';
import { onlyAddress, parseMediaAddress } from './listen-address.ts';
import { ownAddresses } from './own-addresses.ts';
import type { PeerBook } from './peer-book.ts';
import { UdpSocket } from './udp-socket.ts';

/**
 * The one UDP port of all sessions. It has a socket for each address of this machine: one socket for all of them would
 * answer from whichever address the kernel likes best, and a browser passes over an answer from another address than
 * the one that it has asked (RFC 8445 §7.2.5.2.1).
 */
export class UdpPort {
  readonly #book: PeerBook;
  /** By the local address. */
  readonly #sockets = new Map<string, UdpSocket>();
  #host: string | undefined;
  #port = 0;
  #refreshing: Promise<void> | undefined;

  constructor(book: PeerBook) {
    this.#book = book;
  }

  get port(): number {
    return this.#sockets.size > 0 ? this.#port : 0;
  }

  /** Datagrams that belong to nobody, or are nothing that we know. */
  get ignored(): number {
    return [...this.#sockets.values()].reduce((sum, { ignored }) => sum + ignored, 0);
  }

  get local(): LocalPort {
    const families = new Set([...this.#sockets.values()].map(({ family }) => family));
    const only = this.#host === undefined ? undefined : onlyAddress(this.#host);
    return { port: this.port, ipv4: families.has('IPv4'), ipv6: families.has('IPv6'), only };
  }

  /** @param address `:8189` both families, `0.0.0.0:8189` IPv4, `[::]:8189` IPv6, or one address of this machine */
  async listen(address: string): Promise<void> {
    const { host, port } = parseMediaAddress(address, 'UDP');
    this.#host = host;
    this.#port = port;
    let failure: PerchError | undefined;
    for (const local of addressesOf(host)) {
      try {
        await this.#open(local);
      } catch (cause) {
        failure = await cannotOpen(cause, local, port);
        if (isTaken(cause) && port !== 0) {
          await this.close();
          throw failure;
        }
        // Otherwise it has just gone, is not quite there yet, or is of a family that the kernel does not have.
      }
    }
    if (failure && this.#sockets.size === 0) {
      // Whoever asks again must not find the port taken by `refresh`.
      this.#host = undefined;
      throw failure;
    }
  }

  /** Follows the machine to new addresses, and leaves those that are gone when nobody is reached through them. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#follow().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async close(): Promise<void> {
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    this.#host = undefined;
    await Promise.all(sockets.map((socket) => socket.close()));
  }

  async #follow(): Promise<void> {
    if (this.#host === undefined) {
      return;
    }
    const current = addressesOf(this.#host);
    for (const [address, socket] of this.#sockets) {
      if (!current.includes(address) && !socket.isUsed) {
        this.#sockets.delete(address);
        await socket.close();
      }
    }
    for (const address of current) {
      if (!this.#sockets.has(address)) {
        // An address that is not quite there yet is tried again with the next offer.
        await this.#open(address).catch(() => {});
      }
    }
  }

  async #open(address: string): Promise<void> {
    const socket = await UdpSocket.open(this.#book, address, this.#port);
    if (this.#host === undefined) {
      await socket.close();
      return;
    }
    this.#port = socket.port;
    this.#sockets.set(address, socket);
  }
}

/** Local addresses to bind. */
function addressesOf(host: string): string[] {
  const only = onlyAddress(host);
  if (only !== undefined) {
    return [only];
  }
  const own = ownAddresses().map(({ address }) => address);
  const wanted = own.filter((address) => host === '' || (isIPv4(host) ? isIPv4(address) : isIPv6(address)));
  // A machine that does not tell its addresses: the kernel knows them.
  return wanted.length > 0 ? [...new Set(wanted)] : host === '' ? ['0.0.0.0', '::'] : [host];
}

const isTaken = (cause: unknown): boolean => (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** Who holds a UDP port is not to be found out as it is for TCP. */
async function cannotOpen(cause: unknown, address: string, port: number): Promise<PerchError> {
  if (isTaken(cause)) {
    const text = `UDP port ${port} is taken by another program: stop it or change webrtcLocalUDPAddress`;
    return new PerchError('unavailable', text, { address, port });
  }
  return listenFailure(cause, 'webrtcLocalUDPAddress', `${address}:${port}`, port);
}
