import type { ByteChannel } from '../../../base/socket-channel.ts';
import { type Address, placeOf } from '../request/address.ts';
import type { Authenticator } from '../request/authenticator.ts';
import { dial } from './dial.ts';
import { HttpTunnel } from './http-tunnel.ts';
import { WebSocketTunnel } from './websocket-tunnel.ts';

interface ChannelOptions {
  /** Of the path, for messages. */
  readonly name: string;
  /** SHA-256 of the camera's TLS certificate in hex; empty: its issuer has to be trusted. */
  readonly fingerprint: string;
  /** For the HTTP of a tunnel; RTSP within it has its own. */
  readonly authenticator: Authenticator;
}

/** Connects to a camera, through the tunnel of its address. It accepts writes at once; its sink gets the failure. */
export function openChannel(address: Address, { name, fingerprint, authenticator }: ChannelOptions): ByteChannel {
  const connect = () => dial(address, name, fingerprint);
  if (address.tunnel === 'none') {
    return connect();
  }
  const remote = placeOf(address);
  const path = address.uri.slice(address.origin.length);
  return address.tunnel === 'http'
    ? new HttpTunnel(remote, { name, target: path.startsWith('/') ? path : `/${path}`, authenticator, dial: connect })
    : // One WebSocket serves all streams: RTSP within it names the stream.
      new WebSocketTunnel(remote, { name, target: '/', authenticator, dial: connect });
}
