import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Logger } from '../../agent/base/log.ts';
import { MDNS_PORT } from './link.ts';
import type { BoundLink } from './local-links.ts';
import type { MdnsTransport } from './responder.ts';

export const GROUP_IPV4 = '224.0.0.251';
const GROUP_IPV6 = 'ff02::fb';
/** RFC 6762 §11: a lower TTL shows that the packet came from another network. */
export const TTL = 255;

interface SocketsOptions {
  readonly log: Logger;
  onMessage(link: BoundLink, bytes: Buffer, from: RemoteInfo): void;
}

interface Open {
  readonly link: BoundLink;
  readonly socket: Socket;
  readonly group: string;
  isBound: boolean;
}

/** One socket per link, bound to the group's address: unicast packets reach other responders of the box. */
export class MdnsSockets implements MdnsTransport {
  readonly #options: SocketsOptions;
  readonly #open = new Map<string, Open>();
  #sending = 0;
  #onSent: (() => void) | undefined;
  #logged = '';

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  /** Resolves when sockets are ready. @returns the links with a socket */
  async setLinks(links: readonly BoundLink[]): Promise<readonly BoundLink[]> {
    for (const [key, { link, socket }] of this.#open) {
      const now = links.find((one) => one.key === key);
      if (now?.address !== link.address) {
        this.#open.delete(key);
        socket.close();
      }
    }
    await Promise.all(links.filter(({ key }) => !this.#open.has(key)).map((link) => this.#add(link)));
    return links.filter(({ key }) => this.#open.get(key)?.isBound === true);
  }

  send(key: string, bytes: Buffer, to?: { readonly address: string; readonly port: number }): void {
    const open = this.#open.get(key);
    if (!open?.isBound) {
      return;
    }
    this.#sending += 1;
    const { port = MDNS_PORT, address = open.group } = to ?? {};
    open.socket.send(bytes, port, address, () => {
      // A cable was unplugged meanwhile: lost packets are repeated later.
      this.#sending -= 1;
      if (this.#sending === 0) {
        this.#onSent?.();
      }
    });
  }

  async close(): Promise<void> {
    if (this.#sending > 0) {
      await new Promise<void>((resolve) => {
        this.#onSent = resolve;
      });
    }
    for (const { socket } of this.#open.values()) {
      socket.close();
    }
    this.#open.clear();
  }

  #add(link: BoundLink): Promise<void> {
    const isIpv4 = link.family === 'IPv4';
    const group = isIpv4 ? GROUP_IPV4 : `${GROUP_IPV6}%${link.name}`;
    const socket = createSocket({ type: isIpv4 ? 'udp4' : 'udp6', reuseAddr: true });
    const open: Open = { link, socket, group, isBound: false };
    this.#open.set(link.key, open);
    socket.on('message', (bytes, from) => this.#options.onMessage(link, bytes, from));
    return new Promise((resolve) => {
      socket.on('error', (error) => {
        this.#drop(open, error);
        resolve();
      });
      socket.once('listening', () => {
        try {
          joinGroup(socket, link);
          open.isBound = true;
        } catch (error) {
          this.#drop(open, error as Error);
        }
        resolve();
      });
      socket.once('close', resolve);
      socket.bind({ port: MDNS_PORT, address: group });
    });
  }

  /** Until the networks change or the next retry. */
  #drop(open: Open, error: Error): void {
    if (this.#open.get(open.link.key) === open) {
      this.#open.delete(open.link.key);
      open.socket.close();
    }
    if (error.message !== this.#logged) {
      this.#logged = error.message;
      this.#options.log.info({ error: error.message, network: open.link.name }, 'mDNS name cannot be announced');
    }
  }
}

function joinGroup(socket: Socket, { family, name, address }: BoundLink): void {
  if (family === 'IPv4') {
    socket.setMulticastInterface(address);
    socket.addMembership(GROUP_IPV4, address);
  } else {
    socket.setMulticastInterface(`::%${name}`);
    socket.addMembership(GROUP_IPV6, `::%${name}`);
  }
  socket.setMulticastTTL(TTL);
  socket.setTTL(TTL);
  // Queriers and other responders on this box must hear us, too.
  socket.setMulticastLoopback(true);
  socket.unref();
}
