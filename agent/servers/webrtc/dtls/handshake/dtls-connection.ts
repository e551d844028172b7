import { PerchError } from '../../../../base/errors.ts';
import type { SrtpKeys } from '../../srtp/srtp-keys.ts';
import { ALERT, bodyOf, epochOf, forEachRecord, HANDSHAKE, typeOf } from './dtls-record.ts';
import type { Established } from './established.ts';
import type { Handshake, HandshakeEvents } from './handshake.ts';

/** A flight goes out in as few datagrams as possible: each of them may be lost. */
const MAX_DATAGRAM_BYTES = 1_200;

/** What one handshake tells its session. */
export interface DtlsEvents {
  /** A datagram for the browser. */
  send(datagram: Uint8Array): void;
  onConnected(keys: SrtpKeys): void;
  /** The handshake cannot succeed any more. */
  onFailed(reason: PerchError): void;
  /** The browser has said goodbye. */
  onClosed(): void;
}

export interface DtlsPeer {
  receive(datagram: Buffer): void;
  /** What went wrong last, for the message when the handshake takes too long. */
  readonly lastError: string | undefined;
  /** Says goodbye if the handshake had succeeded. */
  close(): void;
}

/** DTLS with one peer: a handshake, then what remains of it. */
export class DtlsConnection implements DtlsPeer {
  lastError: string | undefined;
  readonly #events: DtlsEvents;
  #handshake: Handshake | undefined;
  #established: Established | undefined;
  #isClosed = false;
  /** Records of the flight that is being sent. */
  #flight: Buffer[] = [];
  #flightBytes = 0;

  constructor(events: DtlsEvents) {
    this.#events = events;
  }

  /** @param make makes the handshake with these events */
  begin<T extends Handshake>(make: (events: HandshakeEvents) => T): T {
    const handshake = make({
      send: (record) => this.#send(record),
      onDone: (keys, established) => {
        this.#flush();
        this.#handshake = undefined;
        this.#established = established;
        this.#events.onConnected(keys);
      },
      onFailed: (why) => {
        this.#isClosed = true;
        this.#handshake = undefined;
        this.#events.onFailed(new PerchError('unauthorized', `DTLS handshake failed: ${why}`));
      },
      onError: (why) => {
        this.lastError = why;
      },
    });
    this.#handshake = handshake;
    return handshake;
  }

  receive(datagram: Buffer): void {
    this.#handshake?.count(datagram.length);
    forEachRecord(datagram, (record) => {
      if (!this.#isClosed) {
        this.#onRecord(record);
      }
    });
  }

  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#handshake?.stop();
    if (this.#established) {
      this.#events.send(this.#established.writeGoodbye());
    }
    this.#handshake = undefined;
    this.#established = undefined;
  }

  #onRecord(record: Buffer): void {
    const type = typeOf(record);
    if (this.#handshake) {
      if (type === ALERT && epochOf(record) === 0) {
        // It can come from anybody, so it ends nothing.
        this.lastError = `alert ${bodyOf(record)[1] ?? '?'} from the peer`;
      }
      this.#handshake.receive(record);
    } else if (type === HANDSHAKE || type === ALERT) {
      // Data would be for a data channel, which we have not agreed to.
      const answer = this.#established?.receive(record);
      if (answer === 'goodbye') {
        this.#isClosed = true;
        this.#established = undefined;
        this.#events.onClosed();
      } else if (answer) {
        this.#events.send(answer);
      }
    }
  }

  #send(record: Buffer): void {
    if (this.#flightBytes + record.length > MAX_DATAGRAM_BYTES) {
      this.#flush();
    }
    if (this.#flight.length === 0) {
      queueMicrotask(() => this.#flush());
    }
    this.#flight.push(record);
    this.#flightBytes += record.length;
  }

  #flush(): void {
    if (this.#flight.length > 0 && !this.#isClosed) {
      this.#events.send(Buffer.concat(this.#flight));
    }
    this.#flight = [];
    this.#flightBytes = 0;
  }
}
