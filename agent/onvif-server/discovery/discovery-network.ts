import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { LocalAddress } from '../../onvif/discovery/interfaces.ts';

interface DiscoveryNetworkOptions {
  readonly log: Logger;
  /** Called when the network can send. */
  onReady(): void;
  /** Called for a datagram that was sent to this unicast address. */
  onDirect(datagram: Buffer, from: RemoteInfo): void;
  /** Called when the network cannot send. */
  onError(error: string): void;
}

/** The sockets of WS-Discovery on one address of this box. */
export class DiscoveryNetwork {
  readonly local: LocalAddress;
  readonly #port: number;
  readonly #options: DiscoveryNetworkOptions;
  /** Socket bound to the address, from which announcements and replies are sent. */
  readonly #out: Socket;
  /** Socket for unicast probes, which are answered from the port that they were sent to; undefined: not open. */
  #direct: Socket | undefined;
  #isTrying = false;
  #isReady = false;
  #isClosed = false;

  constructor(local: LocalAddress, port: number, options: DiscoveryNetworkOptions) {
    this.local = local;
    this.#port = port;
    this.#options = options;
    this.#out = this.#socket(true);
    this.#out.on('error', (error) => this.#fail(error));
    this.#out.bind(0, this.#zoned, () => this.#prepare());
    this.openDirect();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * Receives unicast datagrams, unless another program receives them. So the port is first bound without sharing (SO_REUSEADDR), which
   * fails if any other socket has it, and then with sharing, so that programs that start later can bind it.
   */
  openDirect(): void {
    if (this.#direct || this.#isTrying || this.#isClosed) {
      return;
    }
    this.#isTrying = true;
    const trial = this.#socket(false);
    trial.on('error', (error) => {
      this.#isTrying = false;
      trial.close();
      this.#logDirect(error);
    });
    trial.bind(this.#port, this.#zoned, () => {
      trial.close(() => {
        this.#isTrying = false;
        this.#shareDirect();
      });
    });
  }

  /** Failures are logged only: another network may work. @param isDirect sends from the port of WS-Discovery */
  send(text: string, port: number, address: string, isDirect = false): Promise<void> {
    const socket = (isDirect ? this.#direct : undefined) ?? this.#out;
    return new Promise((resolve) => {
      if (this.#isClosed || !this.#isReady) {
        resolve();
        return;
      }
      socket.send(text, port, address, (error) => {
        if (error) {
          this.#options.log.debug({ error: error.message, address }, 'a discovery message was not sent');
        }
        resolve();
      });
    });
  }

  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#isReady = false;
      this.#out.close();
      this.#direct?.close();
      this.#direct = undefined;
    }
  }

  #shareDirect(): void {
    if (this.#isClosed) {
      return;
    }
    const socket = this.#socket(true);
    this.#direct = socket;
    socket.on('error', (error) => {
      this.#logDirect(error);
      // The next refresh opens another socket.
      if (this.#direct === socket) {
        this.#direct = undefined;
        socket.close();
      }
    });
    socket.on('message', (datagram, from) => this.#options.onDirect(datagram, from));
    socket.bind(this.#port, this.#zoned);
  }

  #logDirect({ message }: Error): void {
    const { log } = this.#options;
    log.debug({ error: message, address: this.local.address }, 'probes to this address alone are not received');
  }

  #prepare(): void {
    const { family, address, name } = this.local;
    try {
      this.#out.setMulticastInterface(family === 'IPv4' ? address : `::%${name}`);
      this.#out.setMulticastTTL(1);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#isReady = true;
    this.#options.onReady();
  }

  #fail(error: unknown): void {
    this.#isReady = false;
    this.#options.onError(explain(error));
  }

  #socket(reuseAddr: boolean): Socket {
    return createSocket({ type: this.local.family === 'IPv4' ? 'udp4' : 'udp6', reuseAddr });
  }

  get #zoned(): string {
    const { family, address, name } = this.local;
    return family === 'IPv4' ? address : `${address}%${name}`;
  }
}
