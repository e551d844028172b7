import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type LocalAddress, probeAddresses } from './interfaces.ts';
import { PROBE_TYPES, parseProbeAnswer, writeProbe } from './probe.ts';
import { chooseXAddr } from './xaddr.ts';

const DISCOVERY_GROUP = '239.255.255.250';
const DISCOVERY_PORT = 3702;
/** UDP loses datagrams, and cameras answer after a random pause of up to 500 ms: every probe goes out three times. */
const ROUND_PAUSES_MS = [0, 200, 500] as const;
const MAX_DEVICES = 512;

/** A device that answered. Its texts are its own claims; `address` is where the answer came from. */
export interface FoundCamera {
  /** `urn:uuid:…`: the same after an address change. */
  readonly endpoint: string;
  readonly address: string;
  /** Address of this machine that it was found from. */
  readonly foundFrom: string;
  /** The device service to give to `openCamera`. */
  readonly url: string;
  readonly name: string | undefined;
  readonly hardware: string | undefined;
  readonly location: string | undefined;
  readonly manufacturer: string | undefined;
}

export interface DiscoverOptions {
  readonly includeLoopback: boolean;
  /** Cameras answer within a second; 3 to 5 s leave room for slow ones. */
  readonly listenMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  /** UDP port that devices listen on, 3702 but in tests. */
  readonly port?: number;
}

/** Probes every network of this machine and gives each camera as soon as it answers; ends after `listenMs`. */
export async function* discover(options: DiscoverOptions): AsyncGenerator<FoundCamera, void> {
  const scan = new Scan(options);
  try {
    scan.start();
    for (let camera = await scan.next(); camera; camera = await scan.next()) {
      yield camera;
    }
  } finally {
    scan.close();
  }
}

/** One look around: its sockets, what was sent and who has answered. */
class Scan {
  readonly #options: DiscoverOptions;
  readonly #clock: Clock;
  readonly #end = new AbortController();
  readonly #sockets: Socket[] = [];
  readonly #messageIds = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #found: FoundCamera[] = [];
  #refused = 0;
  #lastRefusal: unknown;
  #wake: () => void = () => {};

  constructor(options: DiscoverOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  start(): void {
    const { signal, includeLoopback, listenMs } = this.#options;
    if (signal.aborted) {
      this.#end.abort();
      return;
    }
    signal.addEventListener('abort', this.#stop, { once: true });
    this.#end.signal.addEventListener('abort', () => this.#wake(), { once: true });
    for (const local of probeAddresses(networkInterfaces(), includeLoopback)) {
      this.#openSocket(local);
    }
    void this.#clock.sleep(listenMs, this.#end.signal).then(this.#stop);
  }

  /** The next camera, or undefined when the time is over. */
  async next(): Promise<FoundCamera | undefined> {
    while (this.#found.length === 0 && !this.#end.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#found.shift();
  }

  close(): void {
    this.#stop();
    this.#options.signal.removeEventListener('abort', this.#stop);
    for (const socket of this.#sockets) {
      socket.close();
    }
    if (this.#refused > 0) {
      const error = explain(this.#lastRefusal);
      this.#options.log.debug({ datagrams: this.#refused, error }, 'discovery answers could not be read');
    }
  }

  #stop = (): void => this.#end.abort();

  /** An interface that cannot be used (no route, gone meanwhile) must not end the look at the others. */
  #openSocket(local: LocalAddress): void {
    const log = this.#options.log.child({ interface: local.name, address: local.address });
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#sockets.push(socket);
    socket.on('error', (error) => log.debug({ error: error.message }, 'cannot look for cameras here'));
    socket.on('message', (datagram, from) => this.#receive(datagram, from, local));
    socket.bind(0, local.address, () => {
      try {
        socket.setMulticastInterface(local.address);
        socket.setMulticastTTL(1);
      } catch (error) {
        log.debug({ error: explain(error) }, 'cannot look for cameras here');
        return;
      }
      void this.#sendRounds(socket);
    });
  }

  async #sendRounds(socket: Socket): Promise<void> {
    for (const pauseMs of ROUND_PAUSES_MS) {
      await this.#clock.sleep(pauseMs, this.#end.signal);
      if (this.#end.signal.aborted) {
        return;
      }
      for (const type of PROBE_TYPES) {
        const { messageId, text } = writeProbe(type);
        this.#messageIds.add(messageId);
        socket.send(text, this.#options.port ?? DISCOVERY_PORT, DISCOVERY_GROUP, (error) => {
          if (error && !this.#end.signal.aborted) {
            this.#options.log.debug({ error: error.message }, 'a probe could not be sent');
          }
        });
      }
    }
  }

  #receive(datagram: Uint8Array, from: RemoteInfo, local: LocalAddress): void {
    try {
      const { relatesTo, matches } = parseProbeAnswer(datagram);
      if (relatesTo !== undefined && !this.#messageIds.has(relatesTo)) {
        return;
      }
      for (const match of matches) {
        const url = chooseXAddr(match.xaddrs, from.address, local);
        // The address of its service too: two Perches on one machine have a demo camera each, both with one endpoint.
        const key = `${match.endpoint} ${from.address} ${url}`;
        if (url === undefined || this.#seen.has(key) || this.#seen.size >= MAX_DEVICES) {
          continue;
        }
        this.#seen.add(key);
        const { endpoint, name, hardware, location, manufacturer } = match;
        this.#found.push({
          endpoint,
          address: from.address,
          foundFrom: local.address,
          url,
          name,
          hardware,
          location,
          manufacturer,
        });
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#refused += 1;
      this.#lastRefusal = error;
      return;
    }
    this.#wake();
  }
}
