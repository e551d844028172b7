import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { LocalPorts } from './candidates.ts';
import { PeerBook } from './peer-book.ts';
import { TcpPort } from './tcp-port.ts';
import { UdpPort } from './udp-port.ts';

/** The media ports of all sessions: one by UDP and one by TCP; either may be off. */
export class MediaPorts {
  readonly book = new PeerBook();
  readonly #udp: UdpPort;
  readonly #tcp: TcpPort;
  #missing: readonly (() => Promise<unknown>)[] = [];

  constructor(clock: Clock, log: Logger) {
    this.#udp = new UdpPort(this.book);
    this.#tcp = new TcpPort(this.book, clock, log);
  }

  get local(): LocalPorts {
    return { udp: this.#udp.local, tcp: this.#tcp.local };
  }

  /** Datagrams and connections that were nobody's. */
  get ignored(): { readonly datagrams: number; readonly connections: number } {
    return { datagrams: this.#udp.ignored, connections: this.#tcp.ignored };
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

  /** Called once a second. */
  tick(): void {
    this.#tcp.tick();
  }

  async #openMissing(): Promise<unknown[]> {
    const results = await Promise.allSettled(this.#missing.map((open) => open()));
    this.#missing = this.#missing.filter((_, i) => results[i]?.status === 'rejected');
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  }

  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }
}
