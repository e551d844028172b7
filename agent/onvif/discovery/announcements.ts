import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../base/clock.ts';
import { explain, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { logOnce } from '../../base/log-once.ts';
import { type Interfaces, systemInterfaces } from '../../base/network/interfaces.ts';
import { MulticastSocket, PerLink, PerSecond } from '../../base/network/multicast-socket.ts';
import { type InterfaceChoice, type LocalAddress, localOf, probeAddresses } from './interfaces.ts';
import { type DiscoveryMessage, parseDiscovery } from './probe.ts';
import { DISCOVERY_PORT, discoveryGroup } from './probe-socket.ts';

type OnAnnouncement = (message: DiscoveryMessage, address: string, local: LocalAddress) => void;

interface AnnouncementsOptions extends InterfaceChoice {
  readonly clock: Clock;
  readonly log: Logger;
  readonly port?: number;
  /** Default: the network interfaces of this box. */
  readonly interfaces?: () => Interfaces;
}

/** Receives Hello and Bye of cameras. */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #onMessage: OnAnnouncement;
  readonly #sockets: PerLink<LocalAddress, MulticastSocket>;
  readonly #count: PerSecond;
  readonly #bytes: PerSecond;
  #locals: readonly LocalAddress[] = [];

  constructor(options: AnnouncementsOptions, onMessage: OnAnnouncement) {
    this.#options = options;
    this.#onMessage = onMessage;
    // Probes find cameras as well, so an unavailable port is not an error.
    const onError = logOnce((error) => options.log.debug({ error }, 'camera announcements cannot be received'));
    this.#sockets = new PerLink((local) => {
      return new MulticastSocket(local, {
        group: discoveryGroup(local),
        port: options.port ?? DISCOVERY_PORT,
        ttl: 1,
        onMessage: (datagram, from) => this.#receive(local, datagram, from),
        onError,
      });
    });
    // A usual network has a handful a day.
    this.#count = new PerSecond(options.clock, 100);
    // A Hello has 1 to 3 kB, and parsing a megabyte takes up to a quarter of a second.
    this.#bytes = new PerSecond(options.clock, 256 << 10);
  }

  /** Listens on the box's current addresses. @returns whether they have changed */
  refresh(): boolean {
    const { interfaces = systemInterfaces } = this.#options;
    this.#locals = probeAddresses(interfaces(), this.#options);
    return this.#sockets.refresh(this.#locals);
  }

  close(): void {
    this.#sockets.close();
  }

  /** Each socket gets the datagrams of all IPv4 networks. */
  #receive(local: LocalAddress, datagram: Buffer, { address }: RemoteInfo): void {
    const isAnnouncement = datagram.includes('Hello') || datagram.includes('Bye');
    if (!isAnnouncement || localOf(address, this.#locals)?.address !== local.address) {
      return;
    }
    const mayRead = this.#count.take();
    if (!this.#bytes.take(datagram.length) || !mayRead) {
      return;
    }
    try {
      const message = parseDiscovery(datagram);
      if (message.kind === 'hello' || message.kind === 'bye') {
        this.#onMessage(message, address, local);
      }
    } catch (error) {
      rethrowUnexpected(error);
      this.#options.log.debug({ error: explain(error), address }, 'invalid announcement');
    }
  }
}
