import { ALERT, typeOf } from './dtls-record.ts';
import { FINISHED } from './handshake-messages.ts';
import type { RecordCipher } from './record-cipher.ts';

const WARNING = 1;
const FATAL = 2;
const CLOSE_NOTIFY = 0;
/** Sequence number 0 of the epoch is our Finished. */
const FIRST_ALERT = 1;

/** State after a successful handshake: closes the connection and repeats a lost last flight. */
export class EstablishedConnection {
  readonly #cipher: RecordCipher;
  readonly #lastFlight: Uint8Array | undefined;
  #alerts = 0;

  /** @param lastFlight as one datagram, in case the peer missed it */
  constructor(cipher: RecordCipher, lastFlight: Uint8Array | undefined) {
    this.#cipher = cipher;
    this.#lastFlight = lastFlight;
  }

  /** @returns our last flight if the peer repeats its Finished (RFC 6347 §4.2.4), 'close', or undefined */
  receive(record: Buffer): Uint8Array | 'close' | undefined {
    const plain = this.#cipher.open(record);
    if (!plain) {
      return undefined;
    }
    if (typeOf(record) === ALERT) {
      return plain[1] === CLOSE_NOTIFY || plain[0] === FATAL ? 'close' : undefined;
    }
    return plain[0] === FINISHED ? this.#lastFlight : undefined;
  }

  writeCloseNotify(): Buffer {
    const sequenceNumber = FIRST_ALERT + this.#alerts;
    this.#alerts += 1;
    return this.#cipher.seal(ALERT, sequenceNumber, Uint8Array.of(WARNING, CLOSE_NOTIFY));
  }
}
