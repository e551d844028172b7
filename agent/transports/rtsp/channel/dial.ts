import { constants } from 'node:crypto';
import { isIP, type OnReadOpts, type Socket } from 'node:net';
import { constants as system } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type ByteChannel, SocketChannel } from '../../../base/network/socket-channel.ts';
import { openTcp, openTls } from '../../../base/packet-dump/dump-connections.ts';
import { tcpDescriptorOf } from '../../../native/descriptor.ts';
import { openStreamReader } from '../../../native/native.ts';
import { certificateFailure } from '../../tls/certificate.ts';
import type { Peer } from '../../tls/peer.ts';
import { type Address, hostPortOf } from '../request/address.ts';

/** One read takes a whole access unit of most cameras. Larger buffers did not lower the cost per packet. */
const READ_BUFFER_BYTES = 64 << 10;

/**
 * Connects to a server over TCP or TLS. Writes wait for the connection.
 * @param scheme without TLS
 * @param fingerprint SHA-256 of the server's certificate in hex; empty: its issuer has to be trusted
 */
export function dial(scheme: 'rtsp' | 'rtmp', address: Address, peer: Peer, fingerprint: string): SocketChannel {
  // All reads go into one buffer: nothing is allocated for them.
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  const receive = (byteCount: number): boolean => {
    channel.receive(buffer, byteCount);
    return true;
  };
  const place = { host: address.host, port: address.port, onread: { buffer, callback: receive } };
  const remote = hostPortOf(address);
  const channel = address.isSecure
    ? secureChannel(place, `${scheme}s_source_conn`, remote, peer, fingerprint)
    : new TcpChannel(openTcp({ ...place, noDelay: true }, `${scheme}_source_conn`), remote);
  return channel;
}

/** The most reads in one turn, so that a camera that sends without a pause does not delay others. */
const MAX_READS = 16;

class TcpChannel extends SocketChannel {
  readonly #socket: Socket;

  constructor(socket: Socket, remote: string) {
    super(socket, remote);
    this.#socket = socket;
  }

  readArrived(): boolean {
    const reader = openStreamReader();
    for (let i = 0; reader && i < MAX_READS; i += 1) {
      const descriptor = tcpDescriptorOf(this.#socket);
      const received = descriptor < 0 ? 0 : reader.receive(descriptor);
      if (received === 0) {
        // Node reads the end of the connection itself.
        return false;
      }
      if (received < 0) {
        return this.#isEmpty(received);
      }
      this.receive(reader.buffer, received);
      if (received < reader.buffer.length) {
        return true;
      }
    }
    return reader !== undefined;
  }

  /** recv(2) returns an error of the connection once: Node would read a regular end after it. */
  #isEmpty(errno: number): boolean {
    if (errno === -system.errno.EAGAIN) {
      return true;
    }
    const code = getSystemErrorName(errno);
    this.fail(Object.assign(new Error(`read ${code}`), { code, errno, syscall: 'read' }));
    return false;
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly onread: OnReadOpts;
}

function secureChannel(
  place: Place,
  dumpPrefix: string,
  remote: string,
  peer: Peer,
  fingerprint: string,
): SocketChannel {
  const options = {
    ...place,
    // SNI has no IP addresses (RFC 6066 §3).
    servername: isIP(place.host) === 0 ? place.host : '',
    // Old cameras have TLS 1.0 at most, TLS_RSA suites only, SHA-1, keys of 1,024 bits, and no secure renegotiation (RFC 5746).
    minVersion: 'TLSv1' as const,
    ciphers: 'DEFAULT@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
    // `certificateFailure` checks the certificate and names the fault.
    rejectUnauthorized: false,
  };
  const socket = openTls(options, dumpPrefix);
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
