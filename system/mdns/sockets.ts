import type { RemoteInfo } from 'node:dgram';
import type { Logger } from '../../agent/base/log.ts';
import { groupOn, MulticastSocket, PerLink } from '../../agent/base/network/multicast-socket.ts';
import { MDNS_PORT } from './link.ts';
import type { BoundLink } from './local-links.ts';
import type { MdnsTransport } from './responder.ts';

export const GROUPS = { IPv4: '224.0.0.251', IPv6: 'ff02::fb' } as const;
/** RFC 6762 §11: a lower TTL shows that the packet came from another network. */
export const TTL = 255;

interface SocketsOptions {
  readonly log: Logger;
  onMessage(link: BoundLink, bytes: Buffer, from: RemoteInfo): void;
}

/** One socket per link. */
export class MdnsSockets implements MdnsTransport {
  readonly #options: SocketsOptions;
  readonly #sockets: PerLink<BoundLink, MulticastSocket>;
  #links: readonly BoundLink[] = [];
  #sent: Promise<void> = Promise.resolve();
  #logged = '';

  constructor(options: SocketsOptions) {
    this.#options = options;
    this.#sockets = new PerLink((link) => this.#open(link));
  }

  /** Resolves when sockets are ready. @returns the links with a socket */
  async setLinks(links: readonly BoundLink[]): Promise<readonly BoundLink[]> {
    this.#links = links;
    this.#sockets.refresh(links);
    await Promise.all(this.#sockets.all.map(({ opened }) => opened));
    return links.filter((link) => this.#sockets.get(link)?.isReady);
  }

  send(key: string, bytes: Buffer, to?: { readonly address: string; readonly port: number }): void {
    const link = this.#links.find((one) => one.key === key);
    const socket = link && this.#sockets.get(link);
    if (socket) {
      const { port, address } = to ?? { port: MDNS_PORT, address: groupOn(link, GROUPS) };
      // A cable was unplugged meanwhile: lost packets are repeated later.
      const [before, sent] = [this.#sent, socket.send(bytes, port, address)];
      this.#sent = sent.then(() => before);
    }
  }

  async close(): Promise<void> {
    await this.#sent;
    this.#sockets.close();
  }

  #open(link: BoundLink): MulticastSocket {
    return new MulticastSocket(link, {
      group: groupOn(link, GROUPS),
      port: MDNS_PORT,
      ttl: TTL,
      prepare: (socket) => {
        socket.setTTL(TTL);
        // Queriers and other responders on this box must hear us, too.
        socket.setMulticastLoopback(true);
        socket.unref();
      },
      onMessage: (bytes, from) => this.#options.onMessage(link, bytes, from),
      onError: ({ message }) => {
        if (message !== this.#logged) {
          this.#logged = message;
          this.#options.log.info({ error: message, network: link.name }, 'mDNS name cannot be announced');
        }
      },
    });
  }
}
