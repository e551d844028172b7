import { explain, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { cameraKey, cameraOf, type FoundCamera } from './found-camera.ts';
import type { Network } from './interfaces.ts';
import { type DiscoveryMessage, parseDiscovery } from './probe.ts';
import { isLoopback } from './targets.ts';

interface Sender {
  datagrams: number;
  bytes: number;
  devices: number;
}

/** Collects the replies of one scan, and reports each camera once. */
export class ProbeReplies {
  readonly #asked = new Set<string>();
  readonly #found = new Map<string, FoundCamera>();
  readonly #senders = new Map<string, Sender>();
  readonly #onFound: (camera: FoundCamera) => void;
  readonly #onLoopback: (address: string) => void;
  #datagrams = 0;
  #bytes = 0;
  #unread = 0;
  #refused = 0;
  #lastRefusal: unknown;

  /** @param onLoopback called for a camera on this box, which is dropped */
  constructor(onFound: (camera: FoundCamera) => void, onLoopback: (address: string) => void = () => {}) {
    this.#onFound = onFound;
    this.#onLoopback = onLoopback;
  }

  asked(messageId: string): void {
    this.#asked.add(messageId);
  }

  hasHeard(address: string): boolean {
    return this.#senders.has(address);
  }

  receive(datagram: Uint8Array, address: string, from: { address: string; networks: readonly Network[] }): void {
    const sender = this.#senders.get(address) ?? { datagrams: 0, bytes: 0, devices: 0 };
    if (!this.#mayRead(sender, datagram.length)) {
      this.#unread += 1;
      return;
    }
    this.#senders.set(address, sender);
    const message = this.#read(datagram);
    if (message?.kind !== 'matches' || (message.relatesTo !== undefined && !this.#asked.has(message.relatesTo))) {
      return;
    }
    for (const match of message.matches) {
      const camera = cameraOf(match, address, from);
      if (!camera && match.isOnvif && isLoopback(address)) {
        this.#onLoopback(address);
      }
      // A recorder may be one device for each channel; more would leave no room for others.
      const hasRoom = this.#found.size < 512 && sender.devices < 128;
      if (camera && hasRoom && !this.#found.has(cameraKey(camera))) {
        sender.devices += 1;
        this.#found.set(cameraKey(camera), camera);
        this.#onFound(camera);
      }
    }
  }

  /**
   * The flood of one sender does not count against the others. A recorder answers each probe for every channel. Parsing a megabyte blocks
   * the program for up to a quarter of a second.
   */
  #mayRead(sender: Sender, bytes: number): boolean {
    if (
      sender.datagrams >= 1_024 ||
      sender.bytes + bytes > 2 << 20 ||
      this.#datagrams >= 8_192 ||
      this.#bytes + bytes > 12 << 20
    ) {
      return false;
    }
    sender.datagrams += 1;
    sender.bytes += bytes;
    this.#datagrams += 1;
    this.#bytes += bytes;
    return true;
  }

  logRefusals(log: Logger): void {
    if (this.#refused > 0) {
      const error = explain(this.#lastRefusal);
      log.debug({ datagrams: this.#refused, error }, 'invalid discovery replies');
    }
    if (this.#unread > 0) {
      log.debug({ datagrams: this.#unread }, 'discovery replies dropped: too many');
    }
  }

  #read(datagram: Uint8Array): DiscoveryMessage | undefined {
    try {
      return parseDiscovery(datagram);
    } catch (error) {
      rethrowUnexpected(error);
      this.#refused += 1;
      this.#lastRefusal = error;
      return undefined;
    }
  }
}
