import type { Encryption } from './encryption.ts';
import { HEADER_BYTES } from './packet.ts';
import type { SrtStatistics } from './statistics.ts';

/** Subtypes of user-defined control packets. */
const KEY_REQUEST = 3;
const KEY_RESPONSE = 4;

/** Announces new keys until the peer confirms them, and answers the peer's. Times in µs. */
export class KeyExchange {
  readonly #encryption: Encryption | undefined;
  readonly #statistics: SrtStatistics;
  readonly #send: (subtype: number, message: Uint8Array, nowUs: number) => void;
  #request: Buffer | undefined;
  #requestUs = 0;
  #requests = 0;

  constructor(
    encryption: Encryption | undefined,
    statistics: SrtStatistics,
    send: (subtype: number, message: Uint8Array, nowUs: number) => void,
  ) {
    this.#encryption = encryption;
    this.#statistics = statistics;
    this.#send = send;
  }

  /** @param packet a user-defined control packet */
  receive(packet: Buffer, nowUs: number): void {
    const subtype = packet.readUInt16BE(2);
    if (subtype === KEY_RESPONSE) {
      this.#statistics.counts.packetsReceivedKM += 1;
      this.#request = undefined;
    } else if (subtype === KEY_REQUEST && this.#encryption) {
      this.#statistics.counts.packetsReceivedKM += 1;
      const message = Buffer.from(packet.subarray(HEADER_BYTES));
      void this.#encryption.announced(message).then((isKnown) => {
        if (isKnown) {
          this.#send(KEY_RESPONSE, message, nowUs);
        }
      });
    }
  }

  tick(rttUs: number, nowUs: number): void {
    const next = this.#encryption?.nextAnnouncement();
    if (next) {
      this.#request = Buffer.from(next);
      this.#requests = 0;
      this.#requestUs = 0;
    }
    if (this.#request && nowUs - this.#requestUs >= 1.5 * rttUs) {
      this.#requestUs = nowUs;
      this.#requests += 1;
      this.#send(KEY_REQUEST, this.#request, nowUs);
      if (this.#requests === 10) {
        this.#request = undefined;
      }
    }
  }
}
