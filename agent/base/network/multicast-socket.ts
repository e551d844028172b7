import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock } from '../clock.ts';

/** An address of this box on one network. */
export interface Link {
  readonly name: string;
  readonly family: 'IPv4' | 'IPv6';
  /** Without the zone of IPv6. */
  readonly address: string;
}

interface MulticastSocketOptions {
  /** The socket joins this group, and is bound to it: unicast datagrams to the port reach other programs. Absent: bound to the address. */
  readonly group?: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly ttl: number;
  /** Further settings of the bound socket. @throws Error */
  prepare?(socket: Socket): void;
  onMessage?(datagram: Buffer, from: RemoteInfo): void;
  /** Called when the socket has closed because of an error, such as an interface that has gone. */
  onError(error: Error): void;
}

/** A UDP socket for multicast on one network. One for all networks would multicast only on the default route. */
export class MulticastSocket {
  readonly #link: Link;
  readonly #options: MulticastSocketOptions;
  readonly #socket: Socket;
  /** Resolves when the socket can send, or has closed. @returns whether it can send */
  readonly opened: Promise<boolean>;
  readonly #settle: (isReady: boolean) => void;
  #state: 'opening' | 'ready' | 'closed' = 'opening';

  constructor(link: Link, options: MulticastSocketOptions) {
    this.#link = link;
    this.#options = options;
    ({ promise: this.opened, resolve: this.#settle } = Promise.withResolvers<boolean>());
    this.#socket = createSocket({
      type: link.family === 'IPv4' ? 'udp4' : 'udp6',
      reuseAddr: options.port !== undefined,
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('message', (datagram, from) => options.onMessage?.(datagram, from));
    this.#socket.bind({ port: options.port ?? 0, address: options.group ?? addressWithZone(link) }, () =>
      this.#prepare(),
    );
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Joins the group again: the kernel leaves it when the interface goes. */
  refresh(): void {
    if (this.isReady) {
      this.#attempt(() => this.#join());
    }
  }

  /** Never rejects. @returns why the datagram was not sent */
  send(data: string | Uint8Array, port: number, address: string): Promise<Error | undefined> {
    return new Promise((resolve) => {
      if (this.isReady) {
        this.#socket.send(data, port, address, (error) => resolve(error ?? undefined));
      } else {
        resolve(undefined);
      }
    });
  }

  close(): void {
    if (!this.isClosed) {
      this.#state = 'closed';
      this.#settle(false);
      this.#socket.close();
    }
  }

  #prepare(): void {
    const { ttl, prepare } = this.#options;
    const isPrepared = this.#attempt(() => {
      this.#socket.setMulticastInterface(interfaceOf(this.#link));
      this.#socket.setMulticastTTL(ttl);
      prepare?.(this.#socket);
      this.#join();
    });
    if (isPrepared) {
      this.#state = 'ready';
      this.#settle(true);
    }
  }

  #join(): void {
    const [group] = this.#options.group?.split('%') ?? [];
    try {
      if (group !== undefined) {
        this.#socket.addMembership(group, interfaceOf(this.#link));
      }
    } catch (error) {
      // It is a member already.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
        throw error;
      }
    }
  }

  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#fail(error as Error);
      return false;
    }
  }

  #fail(error: Error): void {
    if (!this.isClosed) {
      this.close();
      this.#options.onError(error);
    }
  }
}

export const addressWithZone = ({ family, address, name }: Link): string =>
  family === 'IPv4' ? address : `${address}%${name}`;

/** A group on one network: those of IPv6 have a zone. */
export const groupOn = ({ family, name }: Link, groups: Readonly<Record<Link['family'], string>>): string =>
  family === 'IPv4' ? groups.IPv4 : `${groups.IPv6}%${name}`;

const interfaceOf = ({ family, address, name }: Link): string => (family === 'IPv4' ? address : `::%${name}`);

/** One part for each network of this box, such as its socket. */
export class PerLink<Place extends Link, Part extends Pick<MulticastSocket, 'isClosed' | 'refresh' | 'close'>> {
  readonly #open: (link: Place) => Part;
  readonly #parts = new Map<string, Part>();

  constructor(open: (link: Place) => Part) {
    this.#open = open;
  }

  get all(): readonly Part[] {
    return [...this.#parts.values()];
  }

  get(link: Link): Part | undefined {
    return this.#parts.get(addressAt(link));
  }

  /** Opens missing parts and those that have closed, and closes those of other networks. @returns whether networks have come or gone */
  refresh(links: readonly Place[]): boolean {
    const wanted = new Map(links.map((link) => [addressAt(link), link]));
    const gone = [...this.#parts].filter(([key]) => !wanted.has(key));
    for (const [key, part] of gone) {
      this.#parts.delete(key);
      part.close();
    }
    const hasChanged = gone.length > 0 || wanted.size > this.#parts.size;
    for (const [key, link] of wanted) {
      const part = this.#parts.get(key);
      if (part && !part.isClosed) {
        part.refresh();
      } else {
        part?.close();
        this.#parts.set(key, this.#open(link));
      }
    }
    return hasChanged;
  }

  close(): void {
    this.refresh([]);
  }
}

const addressAt = ({ address, name }: Link): string => `${address}%${name}`;

/** Limits the datagrams read in each second. */
export class PerSecond {
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #max: number;
  #startedMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(clock: Pick<Clock, 'monoMs'>, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** @param count of datagrams, or of their bytes */
  take(count = 1): boolean {
    const nowMs = this.#clock.monoMs();
    if (nowMs - this.#startedMs >= 1_000) {
      this.#startedMs = nowMs;
      this.#count = 0;
    }
    this.#count += count;
    return this.#count <= this.#max;
  }
}
