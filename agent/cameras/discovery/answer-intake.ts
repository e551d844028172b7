import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { cameraOf, type FoundCamera, keyOf } from './found-camera.ts';
import type { Network } from './interfaces.ts';
import { type DiscoveryMessage, parseDiscovery } from './probe.ts';

const MAX_DEVICES = 512;
/** A recorder answers each probe for every channel; what is beyond this is a flood, and left unread. */
const MAX_DATAGRAMS = 8_192;
const MAX_DATAGRAMS_OF_ONE = 1_024;

/** Takes in the answers of one look around: reads each, and gives each camera once. */
export class AnswerIntake {
  /** Message ids of what was sent. */
  readonly #asked = new Set<string>();
  readonly #found = new Map<string, FoundCamera>();
  /** Datagrams by the address that sent them. */
  readonly #counts = new Map<string, number>();
  readonly #onFound: (camera: FoundCamera) => void;
  #datagrams = 0;
  #refused = 0;
  #lastRefusal: unknown;

  constructor(onFound: (camera: FoundCamera) => void) {
    this.#onFound = onFound;
  }

  asked(messageId: string): void {
    this.#asked.add(messageId);
  }

  /** Whether something came from there. */
  hasHeard(address: string): boolean {
    return this.#counts.has(address);
  }

  receive(datagram: Uint8Array, address: string, from: { address: string; networks: readonly Network[] }): void {
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#datagrams += 1;
    if (count > MAX_DATAGRAMS_OF_ONE || this.#datagrams > MAX_DATAGRAMS) {
      return;
    }
    this.#counts.set(address, count);
    const message = this.#read(datagram);
    if (message?.kind !== 'matches' || (message.relatesTo !== undefined && !this.#asked.has(message.relatesTo))) {
      return;
    }
    for (const match of message.matches) {
      const camera = cameraOf(match, address, from);
      if (camera && this.#found.size < MAX_DEVICES && !this.#found.has(keyOf(camera))) {
        this.#found.set(keyOf(camera), camera);
        this.#onFound(camera);
      }
    }
  }

  /** What was left out. */
  logRefusals(log: Logger): void {
    if (this.#refused > 0) {
      const error = explain(this.#lastRefusal);
      log.debug({ datagrams: this.#refused, error }, 'discovery answers could not be read');
    }
    if (this.#datagrams > MAX_DATAGRAMS) {
      log.debug({ datagrams: this.#datagrams, limit: MAX_DATAGRAMS }, 'a flood of discovery answers was left unread');
    }
  }

  #read(datagram: Uint8Array): DiscoveryMessage | undefined {
    try {
      return parseDiscovery(datagram);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#refused += 1;
      this.#lastRefusal = error;
      return undefined;
    }
  }
}
