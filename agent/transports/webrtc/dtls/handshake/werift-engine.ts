import type { DtlsSocket } from 'werift';
import { explain } from '../../../../base/errors.ts';
import { MASTER_KEY_BYTES, masterSaltBytesOf, type SrtpKeys, type SrtpProfile } from '../../srtp/srtp-keys.ts';
import { HANDSHAKE, writeRecord } from './dtls-record.ts';
import { type HandshakeMessage, writeMessage } from './handshake-messages.ts';
import type { RecordKeys } from './record-cipher.ts';

/*
 * The used part of werift: key exchange, messages and timers. It receives complete messages in order;
 * handshake-proof.ts verifies the rest.
 */

export type Werift = typeof import('../../link/werift.ts');

export interface WeriftIdentity {
  readonly certPem: string;
  readonly keyPem: string;
  /** SRTP profiles in order of preference: the first one that the peer supports is used. */
  readonly srtpProfiles: readonly SrtpProfile[];
}

export interface EngineEvents {
  /** Sends a record. All records of a flight are passed in one turn of the event loop. */
  send(record: Buffer): void;
  onConnected(): void;
  onError(why: string): void;
}

/** TLS registries; werift's constants would load werift. */
export const ECDSA_SHA256 = { hash: 4, signature: 3 } as const;

export class WeriftEngine {
  readonly #socket: DtlsSocket;
  readonly #transport: EngineTransport;

  constructor(socket: DtlsSocket, transport: EngineTransport, events: EngineEvents) {
    this.#socket = socket;
    this.#transport = transport;
    socket.onConnect.subscribe(() => events.onConnected());
    // Rejected without a reason: no common SRTP profile, cipher suite or signature.
    socket.onError.subscribe((error) => events.onError(explain(error) || 'a handshake message was rejected'));
  }

  deliver(message: HandshakeMessage): void {
    this.deliverRecord(writeRecord(HANDSHAKE, 0, message.number, writeMessage(message)));
  }

  deliverRecord(record: Buffer): void {
    this.#transport.onData(record, ['', 0]);
  }

  /** All handshake messages so far. */
  get transcript(): Buffer {
    return Buffer.concat(this.#socket.dtls.sortedHandshakeCache.map((message) => message.serialize()));
  }

  /** undefined before the key exchange. */
  get masterSecret(): Buffer | undefined {
    return this.#socket.cipher.cipher && this.#socket.cipher.masterSecret;
  }

  /** Keys of one direction; valid after the key exchange. */
  recordKeysOf(role: 'client' | 'server'): RecordKeys {
    const { clientWriteKey, serverWriteKey, clientNonce, serverNonce } = this.#socket.cipher.cipher;
    const [key, nonce] = role === 'client' ? [clientWriteKey, clientNonce] : [serverWriteKey, serverNonce];
    return { key: key as Buffer, nonce: nonce as Buffer };
  }

  /** The random values of both hellos, ours first. */
  get randoms(): readonly [Buffer, Buffer] {
    const { localRandom, remoteRandom } = this.#socket.cipher;
    return [localRandom.serialize(), remoteRandom.serialize()];
  }

  /** @returns undefined without a common SRTP profile */
  exportKeys(): SrtpKeys | undefined {
    const profile = this.#socket.srtp.srtpProfile as SrtpProfile | undefined;
    if (!profile) {
      return undefined;
    }
    const keys = this.#socket.extractSessionKeys(MASTER_KEY_BYTES, masterSaltBytesOf(profile));
    // Copied, because werift's keys are views of larger buffers.
    return {
      profile,
      localKey: new Uint8Array(keys.localKey),
      localSalt: new Uint8Array(keys.localSalt),
      remoteKey: new Uint8Array(keys.remoteKey),
      remoteSalt: new Uint8Array(keys.remoteSalt),
    };
  }

  get lastFlight(): readonly Buffer[] {
    return this.#socket.dtls.lastMessage;
  }

  /** werift repeats an unanswered flight for 30 s and stops when it sees a later one. */
  stop(): void {
    this.#socket.dtls.flight = Number.MAX_SAFE_INTEGER;
    for (const event of [this.#socket.onConnect, this.#socket.onError, this.#socket.onClose, this.#socket.onData]) {
      event.allUnsubscribe();
    }
  }
}

/** Receives werift's datagrams. werift replaces `onData`. */
export class EngineTransport {
  readonly type = 'udp';
  readonly address = { address: '', family: 'IPv4', port: 0 };
  readonly closed = false;
  onData: DtlsSocket['options']['transport']['onData'] = () => {};
  #send: (record: Buffer) => void;

  constructor(send: (record: Buffer) => void) {
    this.#send = send;
  }

  send = async (record: Buffer): Promise<void> => {
    this.#send(record);
  };

  /** While `work` runs, `send` takes the records. */
  divert(send: (record: Buffer) => void, work: () => void): void {
    const usual = this.#send;
    this.#send = send;
    work();
    this.#send = usual;
  }

  close = async (): Promise<void> => {};
}

export function engineOptions(identity: WeriftIdentity, transport: EngineTransport) {
  return {
    cert: identity.certPem,
    key: identity.keyPem,
    signatureHash: ECDSA_SHA256,
    transport,
    srtpProfiles: [...identity.srtpProfiles],
    extendedMasterSecret: true,
  };
}
