import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { logOnce } from '../../base/log-once.ts';
import { type Interfaces, systemInterfaces } from '../../base/network/interfaces.ts';
import { GroupSockets } from './group-sockets.ts';
import { type InterfaceChoice, type LocalAddress, networkOf, probeAddresses } from './interfaces.ts';
import { type DiscoveryMessage, parseDiscovery } from './probe.ts';

/** Maximum number of announcements read per second; a usual network has a handful a day. */
const MAX_A_SECOND = 100;
/** Maximum bytes parsed per second: a Hello has 1 to 3 kB, and parsing a megabyte takes up to a quarter of a second. */
const MAX_BYTES_A_SECOND = 256 << 10;

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
  readonly #groups: GroupSockets;
  #locals: readonly LocalAddress[] = [];
  /** Addresses of this box at the last refresh. */
  #addresses = '';
  #secondBeganMs = 0;
  #inSecond = 0;
  #bytesInSecond = 0;

  constructor(options: AnnouncementsOptions, onMessage: OnAnnouncement) {
    this.#options = options;
    this.#onMessage = onMessage;
    this.#groups = new GroupSockets({
      port: options.port,
      onMessage: (datagram, from) => this.#receive(datagram, from),
      // Probes find cameras as well, so an unavailable port is not an error.
      onError: logOnce((error) => options.log.debug({ error }, 'camera announcements cannot be received')),
    });
  }

  /** Listens on the box's current addresses. @returns whether they have changed */
  refresh(): boolean {
    const { interfaces = systemInterfaces } = this.#options;
    this.#locals = probeAddresses(interfaces(), this.#options);
    this.#groups.refresh(this.#locals);
    const before = this.#addresses;
    this.#addresses = this.#locals.map(({ name, address }) => `${address}%${name}`).join('\n');
    return this.#addresses !== before;
  }

  close(): void {
    this.#groups.close();
  }

  #receive(datagram: Buffer, { address, family }: RemoteInfo): void {
    const local = this.#localOf(address, family);
    if (!local || !(datagram.includes('Hello') || datagram.includes('Bye')) || !this.#mayRead(datagram.length)) {
      return;
    }
    try {
      const message = parseDiscovery(datagram);
      if (message.kind === 'hello' || message.kind === 'bye') {
        this.#onMessage(message, address, local);
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#options.log.debug({ error: explain(error), address }, 'invalid announcement');
    }
  }

  /** The receiving interface; undefined for networks that are not scanned. */
  #localOf(address: string, family: string): LocalAddress | undefined {
    return this.#locals.find((local) =>
      family === 'IPv4'
        ? local.family === 'IPv4' && networkOf(address, [local])
        : local.family === 'IPv6' && address.endsWith(`%${local.name}`),
    );
  }

  #mayRead(bytes: number): boolean {
    const nowMs = this.#options.clock.monoMs();
    if (nowMs - this.#secondBeganMs >= 1_000) {
      this.#secondBeganMs = nowMs;
      this.#inSecond = 0;
      this.#bytesInSecond = 0;
    }
    this.#inSecond += 1;
    this.#bytesInSecond += bytes;
    return this.#inSecond <= MAX_A_SECOND && this.#bytesInSecond <= MAX_BYTES_A_SECOND;
  }
}
