import type { ByteChannel } from '../../../base/byte-channel.ts';
import { type Address, placeOf } from '../request/address.ts';
import type { Authenticator } from '../request/authenticator.ts';
import { dial } from './dial.ts';
import { HttpTunnel } from './http-tunnel.ts';
import { WebSocketTunnel } from './websocket-tunnel.ts';

export interface ChannelOptions {
  /** Of the path, for messages. */
  readonly name: string;
  /** SHA-256 of the camera's TLS certificate in hex; empty: it has to be signed by someone known. */
  readonly fingerprint: string;
  /** For the HTTP of a tunnel: RTSP within it asks for itself. */
  readonly authenticator: Authenticator;
}

/** The way to a camera that its address names. It may be written to at once, and its sink is told when it cannot be gone. */
export function openChannel(address: Address, { name, fingerprint, authenticator }: ChannelOptions): ByteChannel {
  const connect = () => dial(address, name, fingerprint);
  if (address.tunnel === 'none') {
    return connect();
  }
  const remote = placeOf(address);
  const path = address.uri.slice(address.origin.length);
  return address.tunnel === 'http'
    ? new HttpTunnel(remote, { name, target: path.startsWith('/') ? path : `/${path}`, authenticator, dial: connect })
    : // What the stream is called is said within the tunnel; the WebSocket itself is the camera's only one.
      new WebSocketTunnel(remote, { name, target: '/', authenticator, dial: connect });
}
