import { PerchError } from '../../../../base/errors.ts';
import type { SrtpKeys } from '../../srtp/srtp-keys.ts';
import { ALERT, bodyOf, epochOf, forEachRecord, HANDSHAKE, typeOf } from './dtls-record.ts';
import type { EstablishedConnection } from './established-connection.ts';
import type { Handshake, HandshakeEvents } from './handshake.ts';

export interface DtlsEvents {
  send(datagram: Uint8Array): void;
  onConnected(keys: SrtpKeys): void;
  /** The handshake failed for good. */
  onFailed(reason: PerchError): void;
  /** The peer closed the connection. */
  onClosed(): void;
}

export interface DtlsPeer {
  receive(datagram: Buffer): void;
  /** The latest error, for the timeout message. */
  readonly lastError: string | undefined;
  /** Sends close_notify after a successful handshake. */
  close(): void;
}

export class DtlsConnection implements DtlsPeer {
  lastError: string | undefined;
  readonly #events: DtlsEvents;
  #handshake: Handshake | undefined;
  #established: EstablishedConnection | undefined;
  #isClosed = false;
  #flight: Buffer[] = [];
  #flightBytes = 0;

  constructor(events: DtlsEvents) {
    this.#events = events;
  }

  /** @param make creates the handshake with these events */
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
      this.#events.send(this.#established.writeCloseNotify());
    }
    this.#handshake = undefined;
    this.#established = undefined;
  }

  #onRecord(record: Buffer): void {
    const type = typeOf(record);
    if (this.#handshake) {
      if (type === ALERT && epochOf(record) === 0) {
        // An unauthenticated record does not end the connection.
        this.lastError = `alert ${bodyOf(record)[1] ?? '?'} from the peer`;
      }
      this.#handshake.receive(record);
    } else if (type === HANDSHAKE || type === ALERT) {
      // Application data belongs to a data channel, which is never negotiated.
      const answer = this.#established?.receive(record);
      if (answer === 'close') {
        this.#isClosed = true;
        this.#established = undefined;
        this.#events.onClosed();
      } else if (answer) {
        this.#events.send(answer);
      }
    }
  }

  #send(record: Buffer): void {
    // The largest datagram: a flight uses few, because each may be lost.
    if (this.#flightBytes + record.length > 1_200) {
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
