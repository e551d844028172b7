import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { LocalPorts } from './candidates.ts';
import { PeerBook } from './peer-book.ts';
import { TcpPort } from './tcp-port.ts';
import { UdpPort } from './udp-port.ts';

/** Seconds: a new address of this machine is known to nobody before the next offer, unless a router leads to it. */
const REFRESH_TICKS = 10;

/** The media ports of all sessions: one by UDP and one by TCP; either may be off. */
export class MediaPorts {
  readonly book = new PeerBook();
  readonly #udp: UdpPort;
  readonly #tcp: TcpPort;
  readonly #log: Logger;
  #ticks = 0;
  #missing: readonly (() => Promise<unknown>)[] = [];

  constructor(clock: Clock, log: Logger) {
    this.#log = log;
    this.#udp = new UdpPort(this.book);
    this.#tcp = new TcpPort(this.book, clock, log);
  }

  get local(): LocalPorts {
    return { udp: this.#udp.local, tcp: this.#tcp.local };
  }

  /** For messages: `UDP/TCP port 8189`. */
  get inWords(): string {
    const [udp, tcp] = [this.#udp.local.port, this.#tcp.local.port];
    if (udp === tcp) {
      return `UDP/TCP port ${udp}`;
    }
    return [udp > 0 ? [`UDP port ${udp}`] : [], tcp > 0 ? [`TCP port ${tcp}`] : []].flat().join(' or ');
  }

  /**
   * With one of two ports there is still a picture for most: `listenToRest` tells what is wrong with the other.
   * @param udpAddress `:8189`; empty: off
   * @returns whether there is a port
   * @throws PerchError when none of those that are wanted can be opened
   */
  async listen(udpAddress: string, tcpAddress: string): Promise<boolean> {
    const wanted = [
      ...(udpAddress === '' ? [] : [() => this.#udp.listen(udpAddress)]),
      ...(tcpAddress === '' ? [] : [() => this.#tcp.listen(tcpAddress)]),
    ];
    this.#missing = wanted;
    const [failure] = await this.#openMissing();
    if (this.#missing.length > 0 && this.#missing.length === wanted.length) {
      throw failure;
    }
    return wanted.length > 0;
  }

  /** Tries what could not be opened. @throws PerchError when there is still something */
  async listenToRest(): Promise<void> {
    const [failure] = await this.#openMissing();
    if (failure !== undefined) {
      throw failure;
    }
  }

  /** Follows the machine to its present addresses. */
  refresh(): Promise<void> {
    return this.#udp.refresh();
  }

  /** Called once a second. */
  tick(): void {
    this.#tcp.tick();
    this.#ticks += 1;
    if (this.#ticks % REFRESH_TICKS === 0) {
      this.refresh().catch((cause: unknown) => this.#log.warn({ err: cause }, 'WebRTC cannot follow new addresses'));
    }
  }

  async #openMissing(): Promise<unknown[]> {
    const results = await Promise.allSettled(this.#missing.map((open) => open()));
    this.#missing = this.#missing.filter((_, i) => results[i]?.status === 'rejected');
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  }

  async close(): Promise<void> {
    const ignored = { datagrams: this.#udp.ignored, connections: this.#tcp.ignored };
    this.#log.debug(ignored, "WebRTC media ports are closed; of what came, so much was nobody's");
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }
}
