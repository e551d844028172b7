import { createHash, verify, X509Certificate } from 'node:crypto';
import type { DtlsServer } from 'werift';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Fingerprint } from '../sdp/offer.ts';
import { measureProfiles } from './profile-order.ts';
import {
  AEAD_AES_128_GCM,
  AES128_CM_HMAC_SHA1_80,
  MASTER_KEY_BYTES,
  masterSaltBytesOf,
  type SrtpKeys,
  type SrtpProfile,
} from './srtp-keys.ts';

/*
 * The only module that knows werift. Its DtlsServer does the DTLS 1.2 handshake (RFC 6347, RFC 5764); what it leaves
 * to its user is done here: the client's certificate is compared with the offer, the client's proof that it owns
 * the certificate is verified, and records that nobody has authenticated cannot end or restart a session.
 */

// Values of TLS and DTLS registries: werift's own names for them would load it.
const HASH_SHA256 = 4;
const SIGNATURE_ECDSA = 3;
const CURVE_P256 = 23;
const SESSION_SERVER = 2;
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const CERTIFICATE_VERIFY = 15;
const CLOSE_NOTIFY = 0;
const FATAL = 2;

const RECORD_HEADER_BYTES = 13;
const DTLS_1_2 = 0xfefd;
/** A handshake takes about ten datagrams; a certificate chain and repeats included it stays far below this. */
const MAX_HANDSHAKE_BYTES = 64 << 10;
const ECDSA_SHA256 = 0x0403;
const RSA_PKCS1_SHA256 = 0x0401;

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

/** Our half of all handshakes. */
export interface DtlsIdentity {
  /** SHA-256 of our certificate, as an answer has it. */
  readonly fingerprint: string;
  /** @param expected fingerprints of the offer: the client's certificate must be one of them */
  accept(expected: readonly Fingerprint[], events: DtlsEvents): DtlsPeer;
}

let identity: Promise<DtlsIdentity> | undefined;

/** Loads werift and makes a certificate, once. It takes 0.3 s and 40 MB, so only those who have a viewer pay for it. */
export function loadDtls(): Promise<DtlsIdentity> {
  identity ??= loadMeasured();
  return identity;
}

async function loadMeasured(): Promise<DtlsIdentity> {
  let profiles: readonly SrtpProfile[] = [AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80];
  const loaded = await createIdentity(() => profiles);
  // The first viewer does not wait for it.
  void measureProfiles().then((measured) => {
    profiles = measured;
  });
  return loaded;
}

/** @param profiles SRTP profiles that we have: the first of them that a browser has too is agreed on */
export async function createIdentity(profiles: () => readonly SrtpProfile[]): Promise<DtlsIdentity> {
  const werift = await import('werift');
  const signatureHash = { hash: HASH_SHA256, signature: SIGNATURE_ECDSA } as const;
  const { certPem, keyPem } = await werift.CipherContext.createSelfSignedCertificateWithKey(signatureHash, CURVE_P256);
  return {
    fingerprint: new X509Certificate(certPem).fingerprint256,
    accept: (expected, events) => {
      const transport = new PeerTransport(events);
      const server = new werift.DtlsServer({
        cert: certPem,
        key: keyPem,
        signatureHash,
        transport,
        srtpProfiles: [...profiles()],
        extendedMasterSecret: true,
        certificateRequest: true,
      });
      return new Handshake(server, transport, expected, events);
    },
  };
}

/** What werift sends through. It replaces `onData` with its own receiver. */
class PeerTransport {
  readonly type = 'udp';
  readonly address = { address: '', family: 'IPv4', port: 0 };
  closed = false;
  onData: (datagram: Buffer, from: readonly [string, number]) => void = () => {};
  readonly #events: DtlsEvents;

  constructor(events: DtlsEvents) {
    this.#events = events;
  }

  send = async (datagram: Buffer): Promise<void> => {
    if (!this.closed) {
      this.#events.send(datagram);
    }
  };

  close = async (): Promise<void> => {
    this.closed = true;
  };
}

class Handshake implements DtlsPeer {
  lastError: string | undefined;
  readonly #server: DtlsServer;
  readonly #transport: PeerTransport;
  readonly #expected: readonly Fingerprint[];
  readonly #events: DtlsEvents;
  #handshakeBytes = 0;
  #isConnected = false;

  constructor(server: DtlsServer, transport: PeerTransport, expected: readonly Fingerprint[], events: DtlsEvents) {
    this.#server = server;
    this.#transport = transport;
    this.#expected = expected;
    this.#events = events;
    server.onConnect.subscribe(() => this.#onConnect());
    // A forged datagram can cause it too: it is only remembered, the watchdog of the session decides.
    // What werift rejects without a word has none of our profiles, cipher suites or signatures.
    server.onError.subscribe((error) => {
      this.lastError = explain(error) || 'a message of the handshake cannot be used';
    });
  }

  receive(datagram: Buffer): void {
    if (this.#transport.closed) {
      return;
    }
    if (!this.#isConnected) {
      this.#handshakeBytes += datagram.length;
    }
    if (this.#handshakeBytes > MAX_HANDSHAKE_BYTES) {
      this.#fail(`more than ${MAX_HANDSHAKE_BYTES} bytes of handshake`);
      return;
    }
    let at = 0;
    while (at + RECORD_HEADER_BYTES <= datagram.length) {
      const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
      if (end > datagram.length) {
        return;
      }
      this.#onRecord(datagram.subarray(at, end));
      at = end;
    }
  }

  close(): void {
    if (this.#transport.closed) {
      return;
    }
    if (this.#isConnected) {
      this.#events.send(this.#writeAlert(1, CLOSE_NOTIFY));
    }
    this.#stop();
  }

  #onRecord(record: Buffer): void {
    const type = record[0];
    const epoch = record.readUInt16BE(3);
    if (type === ALERT) {
      this.#onAlert(record, epoch);
      return;
    }
    // Data (for a data channel that we have not agreed to) and unknown types: werift would take the latter for a goodbye.
    if (type !== HANDSHAKE && type !== CHANGE_CIPHER_SPEC) {
      return;
    }
    // A hello in the clear after the handshake would make werift forget the keys: only a stranger sends one.
    const isHello = type === HANDSHAKE && epoch === 0 && record[RECORD_HEADER_BYTES] === CLIENT_HELLO;
    if (this.#isConnected && isHello) {
      return;
    }
    try {
      // werift keeps views of fragments; the socket's buffer belongs to this datagram alone.
      this.#transport.onData(record, ['', 0]);
    } catch (error) {
      this.lastError = explain(error);
    }
  }

  /** Alerts in the clear can come from anybody and are passed over. */
  #onAlert(record: Buffer, epoch: number): void {
    if (epoch === 0 || !this.#isConnected) {
      this.lastError =
        epoch === 0 ? `alert ${record[RECORD_HEADER_BYTES + 1] ?? '?'} from the browser` : this.lastError;
      return;
    }
    try {
      const sequenceNumber = record.readUIntBE(5, 6);
      const header = { type: ALERT, version: record.readUInt16BE(1), epoch, sequenceNumber };
      const alert = this.#server.cipher.cipher.decrypt(SESSION_SERVER, record.subarray(RECORD_HEADER_BYTES), header);
      if (alert[1] === CLOSE_NOTIFY || alert[0] === FATAL) {
        this.#stop();
        this.#events.onClosed();
      }
    } catch (error) {
      this.lastError = explain(error);
    }
  }

  #onConnect(): void {
    if (this.#isConnected || this.#transport.closed) {
      return;
    }
    const certificate = this.#server.remoteCertificate;
    if (!certificate || !this.#expected.some((one) => fingerprintOf(certificate, one.hash) === one.value)) {
      this.#fail('the certificate is not the one of the offer');
      return;
    }
    if (!this.#ownsCertificate(certificate)) {
      this.#fail('the browser has not proved that the certificate is its own');
      return;
    }
    const profile = this.#server.srtp.srtpProfile as SrtpProfile | undefined;
    if (!profile) {
      this.#fail('the browser has no SRTP profile that we have');
      return;
    }
    this.#isConnected = true;
    this.#events.onConnected({
      profile,
      ...this.#server.extractSessionKeys(MASTER_KEY_BYTES, masterSaltBytesOf(profile)),
    });
  }

  /** RFC 5246 §7.4.8: the client signs the handshake so far with the certificate's key. werift reads the signature and does not verify it. */
  #ownsCertificate(certificate: Buffer): boolean {
    const messages = this.#server.dtls.sortedHandshakeCache;
    const at = messages.findIndex((message) => message.msg_type === CERTIFICATE_VERIFY);
    const body = messages[at]?.fragment;
    if (!body || body.length < 4 || body.length !== 4 + body.readUInt16BE(2)) {
      return false;
    }
    const scheme = body.readUInt16BE(0);
    if (scheme !== ECDSA_SHA256 && scheme !== RSA_PKCS1_SHA256) {
      return false;
    }
    const signed = Buffer.concat(messages.slice(0, at).map((message) => message.serialize()));
    try {
      return verify('sha256', signed, new X509Certificate(certificate).publicKey, body.subarray(4));
    } catch (error) {
      this.lastError = explain(error);
      return false;
    }
  }

  #writeAlert(level: number, description: number): Buffer {
    const { dtls, cipher } = this.#server;
    dtls.recordSequenceNumber += 1;
    const sequenceNumber = dtls.recordSequenceNumber;
    const header = { type: ALERT, version: DTLS_1_2, epoch: dtls.epoch, sequenceNumber };
    const body = cipher.cipher.encrypt(SESSION_SERVER, Buffer.from([level, description]), header);
    const record = Buffer.alloc(RECORD_HEADER_BYTES);
    record[0] = ALERT;
    record.writeUInt16BE(DTLS_1_2, 1);
    record.writeUInt16BE(dtls.epoch, 3);
    record.writeUIntBE(sequenceNumber, 5, 6);
    record.writeUInt16BE(body.length, 11);
    return Buffer.concat([record, body]);
  }

  #fail(why: string): void {
    this.#stop();
    this.#events.onFailed(new PerchError('unauthorized', `DTLS handshake failed: ${why}`));
  }

  #stop(): void {
    this.#transport.closed = true;
    // werift repeats an unanswered flight for half a minute: it stops when it sees a later one.
    this.#server.dtls.flight = Number.MAX_SAFE_INTEGER;
    for (const event of [this.#server.onConnect, this.#server.onError, this.#server.onClose, this.#server.onData]) {
      event.allUnsubscribe();
    }
  }
}

const NODE_HASH: Record<string, string> = { 'sha-256': 'sha256', 'sha-384': 'sha384', 'sha-512': 'sha512' };

/** Undefined for a hash that is too weak or unknown: it matches nothing. */
function fingerprintOf(certificate: Uint8Array, hash: string): string | undefined {
  const name = NODE_HASH[hash];
  const hex = name && createHash(name).update(certificate).digest('hex').toUpperCase();
  return hex?.match(/../g)?.join(':');
}
