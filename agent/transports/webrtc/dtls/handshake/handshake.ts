import { explain } from '../../../../base/errors.ts';
import type { Fingerprint } from '../../sdp/offer.ts';
import type { SrtpKeys } from '../../srtp/srtp-keys.ts';
import { bodyOf, epochOf, HANDSHAKE, typeOf } from './dtls-record.ts';
import { EstablishedConnection } from './established-connection.ts';
import {
  CERTIFICATE,
  CLIENT_HELLO,
  FINISHED,
  type HandshakeMessage,
  HandshakeMessages,
  MESSAGE_HEADER_BYTES,
} from './handshake-messages.ts';
import { firstCertificate, isExpected, isFinished } from './handshake-proof.ts';
import { RecordCipher } from './record-cipher.ts';
import type { EngineEvents, WeriftEngine } from './werift-engine.ts';

/** A handshake has about ten datagrams and stays far below this, even with a certificate chain and repetitions. */
const MAX_BYTES = 64 << 10;
export const START = -1;

export interface HandshakeEvents {
  /** Sends a record. All records of a flight are passed in one turn of the event loop. */
  send(record: Buffer): void;
  onDone(keys: SrtpKeys, established: EstablishedConnection): void;
  /** The handshake failed for good. */
  onFailed(why: string): void;
  /** The handshake may still succeed: forged datagrams cause errors as well. */
  onError(why: string): void;
}

/** One DTLS handshake: orders and verifies messages, then passes them to werift. */
export abstract class Handshake {
  protected readonly events: HandshakeEvents;
  /** Certificate of the peer, which matches the offer; empty before it arrives. */
  protected certificate: Buffer = Buffer.alloc(0);
  protected abstract readonly peer: 'client' | 'server';
  /** Which message types may follow each type. */
  protected abstract readonly follows: Readonly<Record<number, readonly number[]>>;
  protected abstract readonly engine: WeriftEngine;
  readonly #expected: readonly Fingerprint[];
  readonly #messages = new HandshakeMessages();
  #last = START;
  #bytes = 0;
  #isOver = false;
  /** Record of the peer's Finished, if it arrived before its predecessors. */
  #early: Buffer | undefined;
  #cipher: RecordCipher | undefined;

  constructor(expected: readonly Fingerprint[], events: HandshakeEvents) {
    this.#expected = expected;
    this.events = events;
  }

  /** Counts the received bytes, records or not, and limits them. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > MAX_BYTES) {
      this.fail(`more than ${MAX_BYTES} bytes of handshake`);
    }
  }

  receive(record: Buffer): void {
    if (this.#isOver || typeOf(record) !== HANDSHAKE) {
      return;
    }
    try {
      if (epochOf(record) === 0) {
        this.#messages.receive(bodyOf(record), (message) => this.#onMessage(message));
      } else {
        this.#onFinished(record);
      }
    } catch (error) {
      this.events.onError(explain(error));
    }
  }

  stop(): void {
    this.#isOver = true;
    this.engine.stop();
  }

  /** Verifies a message and passes it on. */
  protected abstract take(message: HandshakeMessage): void;

  protected get engineEvents(): EngineEvents {
    return {
      send: (record) => !this.#isOver && this.events.send(record),
      onConnected: () => this.#onConnected(),
      onError: (why) => this.events.onError(why),
    };
  }

  protected fail(why: string): void {
    if (!this.#isOver) {
      this.stop();
      this.events.onFailed(why);
    }
  }

  #onMessage(message: HandshakeMessage): void {
    const { type } = message;
    const isRepeat = type === CLIENT_HELLO && type === this.#last;
    if (this.#isOver) {
      return;
    }
    if (!isRepeat && !this.follows[this.#last]?.includes(type)) {
      this.fail(`message of type ${type} after one of type ${this.#last}`);
      return;
    }
    this.#last = type;
    if (type === CERTIFICATE && !this.#hasCertificate(message.body)) {
      return;
    }
    this.take(message);
    if (this.#early && !this.#isOver) {
      this.#onFinished(this.#early);
    }
  }

  #hasCertificate(body: Buffer): boolean {
    const certificate = firstCertificate(body);
    if (!certificate || !isExpected(certificate, this.#expected)) {
      this.fail(certificate ? 'the certificate does not match the offer' : 'the peer sent no certificate');
      return false;
    }
    this.certificate = certificate;
    return true;
  }

  /** The only encrypted message of a handshake. */
  #onFinished(record: Buffer): void {
    if (!this.follows[this.#last]?.includes(FINISHED)) {
      this.#early = Buffer.from(record);
      return;
    }
    this.#early = undefined;
    const { masterSecret } = this.engine;
    if (!masterSecret) {
      this.fail('the exchanged keys are unusable');
      return;
    }
    const [local, remote] = this.peer === 'client' ? (['server', 'client'] as const) : (['client', 'server'] as const);
    this.#cipher ??= new RecordCipher(this.engine.recordKeysOf(local), this.engine.recordKeysOf(remote));
    const message = this.#cipher.open(record);
    if (!message) {
      this.events.onError("a message is not encrypted with the peer's key");
      return;
    }
    const body = message.subarray(MESSAGE_HEADER_BYTES);
    if (message[0] !== FINISHED || !isFinished(body, masterSecret, this.peer, this.engine.transcript)) {
      this.fail('the peer has seen other messages');
      return;
    }
    this.engine.deliverRecord(Buffer.from(record));
  }

  #onConnected(): void {
    const cipher = this.#cipher;
    const keys = this.engine.exportKeys();
    if (!keys || !cipher) {
      this.fail('the peer supports none of our SRTP profiles');
    } else if (!this.#isOver) {
      // Copied: a view would keep a larger shared buffer alive.
      const lastFlight = this.peer === 'client' ? new Uint8Array(Buffer.concat(this.engine.lastFlight)) : undefined;
      this.stop();
      this.events.onDone(keys, new EstablishedConnection(cipher, lastFlight));
    }
  }
}
