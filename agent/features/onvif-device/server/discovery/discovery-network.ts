import { createSocket, type RemoteInfo } from 'node:dgram';
import { explain } from '../../../../base/errors.ts';
import type { Logger } from '../../../../base/log.ts';
import { addressWithZone, MulticastSocket } from '../../../../base/network/multicast-socket.ts';
import type { LocalAddress } from '../../../../onvif/discovery/interfaces.ts';
import { discoveryGroup } from '../../../../onvif/discovery/probe-socket.ts';

interface DiscoveryNetworkOptions {
  readonly log: Logger;
  /** Called when the network can send. */
  onReady(): void;
  /** Called for a datagram. @param isDirect it was sent to this unicast address, not to the group */
  onMessage(datagram: Buffer, from: RemoteInfo, isDirect: boolean): void;
  /** Called when the network cannot send, or cannot receive from the group. The next refresh tries again. */
  onError(error: string): void;
}

/** The sockets of WS-Discovery on one address of this box. */
export class DiscoveryNetwork {
  readonly local: LocalAddress;
  readonly #port: number;
  readonly #options: DiscoveryNetworkOptions;
  /** Socket bound to the address, from which announcements and replies are sent. */
  readonly #out: MulticastSocket;
  #group: MulticastSocket;
  /** Socket for unicast probes, which are answered from the port that they were sent to, or undefined if not open. */
  #direct: MulticastSocket | undefined;
  #isTrying = false;

  constructor(local: LocalAddress, port: number, options: DiscoveryNetworkOptions) {
    this.local = local;
    this.#port = port;
    this.#options = options;
    this.#out = new MulticastSocket(local, { ttl: 1, onError: (error) => options.onError(explain(error)) });
    void this.#out.opened.then((isReady) => isReady && options.onReady());
    this.#group = this.#openGroup();
    this.#openDirect();
  }

  get isReady(): boolean {
    return this.#out.isReady && this.#group.isReady;
  }

  get isClosed(): boolean {
    return this.#out.isClosed;
  }

  refresh(): void {
    if (this.#group.isClosed) {
      this.#group = this.#openGroup();
    } else {
      this.#group.refresh();
    }
    this.#openDirect();
  }

  /** Failures are logged only: another network may work. @param isDirect sends from the port of WS-Discovery */
  async send(text: string, port: number, address: string, isDirect = false): Promise<void> {
    const socket = isDirect && this.#direct?.isReady ? this.#direct : this.#out;
    const error = await socket.send(text, port, address);
    if (error) {
      this.#options.log.debug({ error: error.message, address }, 'a discovery message was not sent');
    }
  }

  close(): void {
    this.#out.close();
    this.#group.close();
    this.#direct?.close();
  }

  #openGroup(): MulticastSocket {
    const { onMessage, onError } = this.#options;
    return new MulticastSocket(this.local, {
      group: discoveryGroup(this.local),
      port: this.#port,
      ttl: 1,
      onMessage: (datagram, from) => onMessage(datagram, from, false),
      onError: (error) => onError(explain(error)),
    });
  }

  /**
   * Receives unicast datagrams, unless another program receives them. So the port is first bound without sharing (SO_REUSEADDR), which
   * fails if any other socket has it, and then with sharing, so that programs that start later can bind it.
   */
  #openDirect(): void {
    if (this.#isTrying || (this.#direct && !this.#direct.isClosed)) {
      return;
    }
    this.#isTrying = true;
    const trial = createSocket(this.local.family === 'IPv4' ? 'udp4' : 'udp6');
    trial.on('error', (error) => {
      this.#isTrying = false;
      trial.close();
      this.#logDirect(error);
    });
    trial.bind(this.#port, addressWithZone(this.local), () => {
      trial.close(() => {
        this.#isTrying = false;
        this.#shareDirect();
      });
    });
  }

  #shareDirect(): void {
    if (!this.isClosed) {
      this.#direct = new MulticastSocket(this.local, {
        port: this.#port,
        ttl: 1,
        onMessage: (datagram, from) => this.#options.onMessage(datagram, from, true),
        onError: (error) => this.#logDirect(error),
      });
    }
  }

  #logDirect({ message }: Error): void {
    const { log } = this.#options;
    log.debug({ error: message, address: this.local.address }, 'probes to this address alone are not received');
  }
}
