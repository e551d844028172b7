import { isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';
import { listenFailure } from '../../../base/network/listen-tcp.ts';
import { boundAddress, type LocalPort, ownAddresses, parseMediaAddress } from './candidates.ts';
import { UdpSocket } from './udp-socket.ts';
import type { UfragTable } from './ufrag-table.ts';

/**
 * The UDP port of all sessions, with a socket per local address: a single socket would answer from the address the
 * kernel prefers, and a browser ignores answers from another address than it asked (RFC 8445 §7.2.5.2.1).
 */
export class UdpPort {
  readonly #ufrags: UfragTable;
  /** Sockets by local address. */
  readonly #sockets = new Map<string, UdpSocket>();
  #host: string | undefined;
  #port = 0;
  #refreshing: Promise<void> | undefined;

  constructor(ufrags: UfragTable) {
    this.#ufrags = ufrags;
  }

  get port(): number {
    return this.#sockets.size > 0 ? this.#port : 0;
  }

  /** Datagrams that belong to no peer. */
  get ignored(): number {
    return [...this.#sockets.values()].reduce((sum, { ignored }) => sum + ignored, 0);
  }

  get local(): LocalPort {
    const families = new Set([...this.#sockets.values()].map(({ family }) => family));
    const only = this.#host === undefined ? undefined : boundAddress(this.#host);
    return { port: this.port, ipv4: families.has('IPv4'), ipv6: families.has('IPv6'), only };
  }

  /** @param address `:8189` both families, `0.0.0.0:8189` IPv4, `[::]:8189` IPv6, or one address of this box */
  async listen(address: string): Promise<void> {
    const { host, port } = parseMediaAddress(address, 'UDP');
    this.#host = host;
    this.#port = port;
    let failure: PerchError | undefined;
    for (const local of addressesOf(host)) {
      try {
        await this.#open(local);
      } catch (cause) {
        failure = await bindFailure(cause, local, port);
        if (isInUse(cause) && port !== 0) {
          await this.close();
          throw failure;
        }
        // Otherwise the address is gone, not ready yet, or of an unsupported family.
      }
    }
    if (failure && this.#sockets.size === 0) {
      // A retry must not find the port taken by `refresh`.
      this.#host = undefined;
      throw failure;
    }
  }

  /** Binds new addresses of the box and closes unused sockets of removed ones. */
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
        // An address that is not ready yet is retried with the next offer.
        await this.#open(address).catch(() => {});
      }
    }
  }

  async #open(address: string): Promise<void> {
    const socket = await UdpSocket.open(this.#ufrags, address, this.#port);
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
  const only = boundAddress(host);
  if (only !== undefined) {
    return [only];
  }
  const own = ownAddresses().map(({ address }) => address);
  const wanted = own.filter((address) => host === '' || (isIPv4(host) ? isIPv4(address) : isIPv6(address)));
  // No addresses reported: binds the wildcard.
  return wanted.length > 0 ? [...new Set(wanted)] : host === '' ? ['0.0.0.0', '::'] : [host];
}

const isInUse = (cause: unknown): boolean => (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** Unlike for TCP, the process holding a UDP port cannot be identified. */
async function bindFailure(cause: unknown, address: string, port: number): Promise<PerchError> {
  if (isInUse(cause)) {
    const text = `UDP port ${port} is taken by another program: stop it or change webrtcLocalUDPAddress`;
    return new PerchError('unavailable', text, { address, port });
  }
  return listenFailure(cause, 'webrtcLocalUDPAddress', `${address}:${port}`, port);
}
