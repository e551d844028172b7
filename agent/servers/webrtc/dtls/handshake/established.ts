import { ALERT, typeOf } from './dtls-record.ts';
import { FINISHED } from './handshake-messages.ts';
import type { RecordCipher } from './record-cipher.ts';

const WARNING = 1;
const FATAL = 2;
const CLOSE_NOTIFY = 0;
/** Number 0 of the epoch is our Finished. */
const FIRST_ALERT = 1;

/** What remains of a handshake that has succeeded: enough to say goodbye, and to repeat what the peer may have missed. */
export class Established {
  readonly #cipher: RecordCipher;
  readonly #lastFlight: Uint8Array | undefined;
  #alerts = 0;

  /** @param lastFlight what the peer waits for if it was lost, as one datagram */
  constructor(cipher: RecordCipher, lastFlight: Uint8Array | undefined) {
    this.#cipher = cipher;
    this.#lastFlight = lastFlight;
  }

  /** @returns our last flight when the record is the peer's Finished once more (RFC 6347 §4.2.4), 'goodbye', or undefined */
  receive(record: Buffer): Uint8Array | 'goodbye' | undefined {
    const plain = this.#cipher.open(record);
    if (!plain) {
      return undefined;
    }
    if (typeOf(record) === ALERT) {
      return plain[1] === CLOSE_NOTIFY || plain[0] === FATAL ? 'goodbye' : undefined;
    }
    return plain[0] === FINISHED ? this.#lastFlight : undefined;
  }

  writeGoodbye(): Buffer {
    const sequenceNumber = FIRST_ALERT + this.#alerts;
    this.#alerts += 1;
    return this.#cipher.seal(ALERT, sequenceNumber, Uint8Array.of(WARNING, CLOSE_NOTIFY));
  }
}
