import { constants } from 'node:crypto';
import { connect, isIP, type OnReadOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SocketChannel } from '../../../base/socket-channel.ts';
import { type Address, placeOf } from '../request/address.ts';
import { certificateFailure } from './certificate.ts';
import { SecureChannel } from './secure-channel.ts';

/** One read takes an access unit of most cameras whole. Larger buffers did not lower the cost per packet. */
const READ_BUFFER_BYTES = 64 << 10;

/**
 * Connects to a camera: TCP, or TLS when its address says so. What is written before the connection stands waits for it.
 * @param name of the path, for messages
 * @param fingerprint SHA-256 of the camera's certificate in hex; empty: it has to be signed by someone known
 */
export function dial(address: Address, name: string, fingerprint: string): SocketChannel {
  // All reads go into one buffer: nothing is allocated for them.
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  const receive = (byteCount: number): boolean => {
    channel.receive(buffer, byteCount);
    return true;
  };
  const place = { host: address.host, port: address.port, onread: { buffer, callback: receive } };
  const remote = placeOf(address);
  const channel = address.isSecure
    ? secureChannel(place, remote, name, fingerprint)
    : new SocketChannel(connect({ ...place, noDelay: true }), remote);
  return channel;
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly onread: OnReadOpts;
}

function secureChannel(place: Place, remote: string, name: string, fingerprint: string): SocketChannel {
  const socket = connectTls({
    ...place,
    // An address has no place in SNI (RFC 6066 §3).
    servername: isIP(place.host) === 0 ? place.host : '',
    // Old cameras know TLS 1.0 at most, TLS_RSA suites only, SHA-1, keys of 1,024 bits, and no secure renegotiation (RFC 5746).
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
    // The certificate is looked at below, where one can say what is wrong with it.
    rejectUnauthorized: false,
  });
  socket.setNoDelay(true);
  const channel = new SecureChannel(socket, remote);
  socket.once('secureConnect', () => {
    const failure = certificateFailure(socket, name, fingerprint);
    if (failure) {
      channel.fail(failure);
    } else {
      channel.trust();
    }
  });
  return channel;
}
