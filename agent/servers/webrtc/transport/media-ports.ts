import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { LocalPorts } from './candidates.ts';
import { TcpPort } from './tcp-port.ts';
import { UdpPort } from './udp-port.ts';
import { UfragTable } from './ufrag-table.ts';

/** Interval of `refresh` in ticks of a second. Peers learn a new local address with the next offer only, unless a router forwards to it. */
const REFRESH_TICKS = 10;

/** The media ports of all sessions, one UDP and one TCP; either may be off. */
export class MediaPorts {
  readonly ufrags = new UfragTable();
  readonly #udp: UdpPort;
  readonly #tcp: TcpPort;
  readonly #log: Logger;
  #ticks = 0;
  #unopened: readonly (() => Promise<unknown>)[] = [];

  constructor(clock: Clock, log: Logger) {
    this.#log = log;
    this.#udp = new UdpPort(this.ufrags);
    this.#tcp = new TcpPort(this.ufrags, clock, log);
  }

  get local(): LocalPorts {
    return { udp: this.#udp.local, tcp: this.#tcp.local };
  }

  /** For messages, such as `UDP/TCP port 8189`. */
  get description(): string {
    const [udp, tcp] = [this.#udp.local.port, this.#tcp.local.port];
    if (udp === tcp) {
      return `UDP/TCP port ${udp}`;
    }
    return [udp > 0 ? [`UDP port ${udp}`] : [], tcp > 0 ? [`TCP port ${tcp}`] : []].flat().join(' or ');
  }

  /**
   * Succeeds with one of two ports; `retryFailedPorts` reports the other.
   * @param udpAddress `:8189`; empty: off
   * @returns whether any port is configured
   * @throws PerchError if no configured port can be opened
   */
  async listen(udpAddress: string, tcpAddress: string): Promise<boolean> {
    const wanted = [
      ...(udpAddress === '' ? [] : [() => this.#udp.listen(udpAddress)]),
      ...(tcpAddress === '' ? [] : [() => this.#tcp.listen(tcpAddress)]),
    ];
    this.#unopened = wanted;
    const [failure] = await this.#openUnopened();
    if (this.#unopened.length > 0 && this.#unopened.length === wanted.length) {
      throw failure;
    }
    return wanted.length > 0;
  }

  /** @throws PerchError while a configured port cannot be opened */
  async retryFailedPorts(): Promise<void> {
    const [failure] = await this.#openUnopened();
    if (failure !== undefined) {
      throw failure;
    }
  }

  /** Rebinds to the box's current addresses. */
  refresh(): Promise<void> {
    return this.#udp.refresh();
  }

  /** Called once a second. */
  tick(): void {
    this.#tcp.tick();
    this.#ticks += 1;
    if (this.#ticks % REFRESH_TICKS === 0) {
      this.refresh().catch((cause: unknown) =>
        this.#log.warn({ err: cause }, 'WebRTC media port failed to follow address changes'),
      );
    }
  }

  async #openUnopened(): Promise<unknown[]> {
    const results = await Promise.allSettled(this.#unopened.map((open) => open()));
    this.#unopened = this.#unopened.filter((_, i) => results[i]?.status === 'rejected');
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  }

  async close(): Promise<void> {
    const ignored = { datagrams: this.#udp.ignored, connections: this.#tcp.ignored };
    this.#log.debug(ignored, 'WebRTC media ports closed');
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }
}
