import type { DtlsSocket } from 'werift';
import { explain } from '../../../../base/errors.ts';
import { MASTER_KEY_BYTES, masterSaltBytesOf, type SrtpKeys, type SrtpProfile } from '../../srtp/srtp-keys.ts';
import { HANDSHAKE, writeRecord } from './dtls-record.ts';
import { type HandshakeMessage, writeMessage } from './handshake-messages.ts';
import type { RecordKeys } from './record-cipher.ts';

/*
 * What we have of werift: its key exchange, its messages and its timers. It is given whole messages, in order;
 * what it does not verify, handshake-proof.ts does.
 */

export type Werift = typeof import('werift');

/** What werift makes a handshake with. */
export interface WeriftIdentity {
  readonly certPem: string;
  readonly keyPem: string;
  /** The first of these that the peer has too is agreed on. */
  readonly srtpProfiles: readonly SrtpProfile[];
}

export interface EngineEvents {
  /** A record for the peer; those of one flight come in one turn. */
  send(record: Buffer): void;
  onConnected(): void;
  onError(why: string): void;
}

/** In the registries of TLS; werift's own names for it would load werift. */
export const ECDSA_SHA256 = { hash: 4, signature: 3 } as const;

/** One handshake in werift, in either role. */
export class WeriftEngine {
  readonly #socket: DtlsSocket;
  readonly #transport: EngineTransport;

  constructor(socket: DtlsSocket, transport: EngineTransport, events: EngineEvents) {
    this.#socket = socket;
    this.#transport = transport;
    socket.onConnect.subscribe(() => events.onConnected());
    // What it rejects without a word has none of our SRTP profiles, cipher suites or signatures.
    socket.onError.subscribe((error) => events.onError(explain(error) || 'a message of the handshake cannot be used'));
  }

  deliver(message: HandshakeMessage): void {
    this.deliverRecord(writeRecord(HANDSHAKE, 0, message.number, writeMessage(message)));
  }

  deliverRecord(record: Buffer): void {
    this.#transport.onData(record, ['', 0]);
  }

  /** All messages so far, as both ends count them. */
  get transcript(): Buffer {
    return Buffer.concat(this.#socket.dtls.sortedHandshakeCache.map((message) => message.serialize()));
  }

  /** Undefined before the key exchange. */
  get masterSecret(): Buffer | undefined {
    return this.#socket.cipher.cipher && this.#socket.cipher.masterSecret;
  }

  /** After the key exchange. */
  recordKeysOf(who: 'client' | 'server'): RecordKeys {
    const { clientWriteKey, serverWriteKey, clientNonce, serverNonce } = this.#socket.cipher.cipher;
    const [key, nonce] = who === 'client' ? [clientWriteKey, clientNonce] : [serverWriteKey, serverNonce];
    return { key: key as Buffer, nonce: nonce as Buffer };
  }

  /** What the ends have drawn by lot, ours first. */
  get randoms(): readonly [Buffer, Buffer] {
    const { localRandom, remoteRandom } = this.#socket.cipher;
    return [localRandom.serialize(), remoteRandom.serialize()];
  }

  /** Undefined when the ends have not agreed on a profile. */
  exportKeys(): SrtpKeys | undefined {
    const profile = this.#socket.srtp.srtpProfile as SrtpProfile | undefined;
    if (!profile) {
      return undefined;
    }
    const keys = this.#socket.extractSessionKeys(MASTER_KEY_BYTES, masterSaltBytesOf(profile));
    // Copies: werift's are views of larger buffers.
    return {
      profile,
      localKey: new Uint8Array(keys.localKey),
      localSalt: new Uint8Array(keys.localSalt),
      remoteKey: new Uint8Array(keys.remoteKey),
      remoteSalt: new Uint8Array(keys.remoteSalt),
    };
  }

  /** The records of our last flight. */
  get lastFlight(): readonly Buffer[] {
    return this.#socket.dtls.lastMessage;
  }

  /** werift repeats an unanswered flight for half a minute: it stops when it sees a later one. */
  stop(): void {
    this.#socket.dtls.flight = Number.MAX_SAFE_INTEGER;
    for (const event of [this.#socket.onConnect, this.#socket.onError, this.#socket.onClose, this.#socket.onData]) {
      event.allUnsubscribe();
    }
  }
}

/** What werift sends through. It replaces `onData` with its own receiver. */
export class EngineTransport {
  readonly type = 'udp';
  readonly address = { address: '', family: 'IPv4', port: 0 };
  readonly closed = false;
  onData: (datagram: Buffer, from: readonly [string, number]) => void = () => {};
  onSend: (record: Buffer) => void;

  constructor(onSend: (record: Buffer) => void) {
    this.onSend = onSend;
  }

  send = async (record: Buffer): Promise<void> => {
    this.onSend(record);
  };

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
