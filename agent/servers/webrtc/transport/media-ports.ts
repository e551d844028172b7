import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
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
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#log = log;
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
   * With one of two ports there is still a picture for most.
   * @param udpAddress `:8189`; empty: off
   * @returns whether there is a port
   * @throws PerchError when none of those that are wanted can be opened
   */
  async listen(udpAddress: string, tcpAddress: string): Promise<boolean> {
    const wanted = [
      ...(udpAddress === '' ? [] : [this.#udp.listen(udpAddress)]),
      ...(tcpAddress === '' ? [] : [this.#tcp.listen(tcpAddress)]),
    ];
    const failures = (await Promise.allSettled(wanted)).filter((result) => result.status === 'rejected');
    if (failures.length > 0 && failures.length === wanted.length) {
      throw failures[0]?.reason;
    }
    for (const { reason } of failures) {
      this.#log.error({ reason: explain(reason) }, 'a WebRTC media port cannot be opened, the other one goes on alone');
    }
    return wanted.length > 0;
  }

  /** Called once a second. */
  tick(): void {
    this.#tcp.tick();
  }

  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), this.#tcp.close()]);
  }
}
