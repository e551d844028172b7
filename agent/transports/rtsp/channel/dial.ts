import { constants } from 'node:crypto';
import { connect, isIP, type OnReadOpts } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { PerchError } from '../../../base/errors.ts';
import { type ByteChannel, SocketChannel } from '../../../base/socket-channel.ts';
import { type Address, placeOf } from '../request/address.ts';
import type { Peer } from '../request/failures.ts';

/** One read takes a whole access unit of most cameras. Larger buffers did not lower the cost per packet. */
const READ_BUFFER_BYTES = 64 << 10;
const FINGERPRINT_KEYS: Readonly<Record<Peer['noun'], string>> = {
  camera: 'sourceFingerprint',
  destination: 'destFingerprint',
};
/** Faults of a certificate; any other one is an untrusted issuer. */
const FAULTS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet: check its clock and the clock of this machine',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name or address',
};

/**
 * Connects to a server over TCP or TLS. Writes wait for the connection.
 * @param fingerprint SHA-256 of the server's certificate in hex; empty: its issuer has to be trusted
 */
export function dial(address: Address, peer: Peer, fingerprint: string): SocketChannel {
  // All reads go into one buffer: nothing is allocated for them.
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  const receive = (byteCount: number): boolean => {
    channel.receive(buffer, byteCount);
    return true;
  };
  const place = { host: address.host, port: address.port, onread: { buffer, callback: receive } };
  const remote = placeOf(address);
  const channel = address.isSecure
    ? secureChannel(place, remote, peer, fingerprint)
    : new SocketChannel(connect({ ...place, noDelay: true }), remote);
  return channel;
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly onread: OnReadOpts;
}

function secureChannel(place: Place, remote: string, peer: Peer, fingerprint: string): SocketChannel {
  const socket = connectTls({
    ...place,
    // SNI has no IP addresses (RFC 6066 §3).
    servername: isIP(place.host) === 0 ? place.host : '',
    // Old cameras have TLS 1.0 at most, TLS_RSA suites only, SHA-1, keys of 1,024 bits, and no secure renegotiation (RFC 5746).
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
    // `certificateFailure` checks the certificate and names the fault.
    rejectUnauthorized: false,
  });
  socket.setNoDelay(true);
  const channel = new SecureChannel(socket, remote);
  socket.once('secureConnect', () => {
    const failure = certificateFailure(socket, peer, fingerprint);
    if (failure) {
      channel.fail(failure);
    } else {
      channel.trust();
    }
  });
  return channel;
}

/** A TLS connection that sends nothing, least of all a password, before the certificate is checked. */
class SecureChannel extends SocketChannel {
  readonly #held = new HeldWrites();
  #isTrusted = false;

  override get queuedBytes(): number {
    return super.queuedBytes + this.#held.byteCount;
  }

  override write(bytes: Uint8Array): void {
    if (this.#isTrusted) {
      super.write(bytes);
    } else {
      this.#held.add(bytes);
    }
  }

  trust(): void {
    this.#isTrusted = true;
    this.#held.release(this);
  }
}

/**
 * Why a camera's certificate is rejected, or undefined. With a fingerprint only the certificate itself counts, not its issuer or
 * age; without one it has to be valid for this host.
 * @param fingerprint SHA-256 in hex, with or without colons
 */
function certificateFailure(socket: TLSSocket, peer: Peer, fingerprint: string): PerchError | undefined {
  const seen = bare(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
  if (fingerprint !== '') {
    const isRight = seen !== '' && seen === bare(fingerprint);
    return isRight
      ? undefined
      : distrust(peer, `is not the one that ${FINGERPRINT_KEYS[peer.noun]} of path '${peer.path}' names`, seen);
  }
  if (socket.authorized) {
    return undefined;
  }
  // Its type says Error, but it is an error code.
  const code = String(socket.authorizationError);
  return distrust(peer, FAULTS[code] ?? `has no trusted issuer (${code})`, seen);
}

function distrust({ noun, path }: Peer, fault: string, seen: string): PerchError {
  const remedy = `if it is your ${noun}, set ${FINGERPRINT_KEYS[noun]} of path '${path}' to ${seen}`;
  return new PerchError('unauthorized', `the ${noun}'s certificate ${fault}; ${remedy}`, { path });
}

function bare(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').trim().toLowerCase();
}

/** Writes that wait until a channel can send. */
export class HeldWrites {
  byteCount = 0;
  #writes: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    this.#writes.push(bytes);
    this.byteCount += bytes.length;
  }

  release(channel: Pick<ByteChannel, 'write'>): void {
    const writes = this.#writes;
    this.#writes = [];
    this.byteCount = 0;
    for (const bytes of writes) {
      channel.write(bytes);
    }
  }
}
