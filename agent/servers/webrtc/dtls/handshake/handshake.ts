import { explain } from '../../../../base/errors.ts';
import type { Fingerprint } from '../../sdp/offer.ts';
import type { SrtpKeys } from '../../srtp/srtp-keys.ts';
import { bodyOf, epochOf, HANDSHAKE, typeOf } from './dtls-record.ts';
import { Established } from './established.ts';
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

/** A handshake takes about ten datagrams; a chain of certificates and repeats included it stays far below this. */
const MAX_BYTES = 64 << 10;
/** Before any message. */
export const START = -1;

export interface HandshakeEvents {
  /** A record for the peer; those of one flight come in one turn. */
  send(record: Buffer): void;
  onDone(keys: SrtpKeys, established: Established): void;
  /** It cannot succeed any more. */
  onFailed(why: string): void;
  /** It may still succeed: forged datagrams can cause it too. */
  onError(why: string): void;
}

/** One DTLS handshake from our side: what comes is put in order and verified, then werift gets it. */
export abstract class Handshake {
  protected readonly events: HandshakeEvents;
  /** The peer's, once it has come: one of those in the offer. */
  protected certificate: Buffer = Buffer.alloc(0);
  /** Whose messages come. */
  protected abstract readonly peer: 'client' | 'server';
  /** Which messages may come after which. */
  protected abstract readonly follows: Readonly<Record<number, readonly number[]>>;
  protected abstract readonly engine: WeriftEngine;
  readonly #expected: readonly Fingerprint[];
  readonly #messages = new HandshakeMessages();
  #last = START;
  #bytes = 0;
  #isOver = false;
  /** Finished, while messages before it are missing. */
  #early: Buffer | undefined;
  #cipher: RecordCipher | undefined;

  constructor(expected: readonly Fingerprint[], events: HandshakeEvents) {
    this.#expected = expected;
    this.events = events;
  }

  /** Counts what comes, records or not. */
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

  /** Verifies a message and hands it on. */
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
      this.fail(`a message of type ${type} comes after one of type ${this.#last}`);
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
      this.fail(certificate ? 'the certificate is not the one of the offer' : 'the peer shows no certificate');
      return false;
    }
    this.certificate = certificate;
    return true;
  }

  /** Finished is the only message that comes encrypted. */
  #onFinished(record: Buffer): void {
    if (!this.follows[this.#last]?.includes(FINISHED)) {
      this.#early = Buffer.from(record);
      return;
    }
    this.#early = undefined;
    const { masterSecret } = this.engine;
    if (!masterSecret) {
      this.fail('the keys that were exchanged cannot be used');
      return;
    }
    const [local, remote] = this.peer === 'client' ? (['server', 'client'] as const) : (['client', 'server'] as const);
    this.#cipher ??= new RecordCipher(this.engine.recordKeysOf(local), this.engine.recordKeysOf(remote));
    const message = this.#cipher.open(record);
    if (!message) {
      this.events.onError('a message that the peer has not encrypted');
      return;
    }
    const body = message.subarray(MESSAGE_HEADER_BYTES);
    if (message[0] !== FINISHED || !isFinished(body, masterSecret, this.peer, this.engine.transcript)) {
      this.fail('the peer has seen other messages than we have');
      return;
    }
    this.engine.deliverRecord(Buffer.from(record));
  }

  #onConnected(): void {
    const cipher = this.#cipher;
    const keys = this.engine.exportKeys();
    if (!keys || !cipher) {
      this.fail('the peer has no SRTP profile that we have');
    } else if (!this.#isOver) {
      // A copy with memory of its own: the original would keep some kilobytes of others' with it.
      const lastFlight = this.peer === 'client' ? new Uint8Array(Buffer.concat(this.engine.lastFlight)) : undefined;
      this.stop();
      this.events.onDone(keys, new Established(cipher, lastFlight));
    }
  }
}
