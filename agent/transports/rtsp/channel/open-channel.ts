import type { ByteChannel } from '../../../base/network/socket-channel.ts';
import type { Peer } from '../../tls/peer.ts';
import { type Address, hostPortOf } from '../request/address.ts';
import type { Authenticator } from '../request/authenticator.ts';
import { dial } from './dial.ts';
import { HttpTunnel } from './http-tunnel.ts';
import { WebSocketTunnel } from './websocket-tunnel.ts';

interface ChannelOptions {
  readonly peer: Peer;
  /** SHA-256 of the server's TLS certificate in hex; empty: its issuer has to be trusted. */
  readonly fingerprint: string;
  /** Login for the HTTP requests of a tunnel; RTSP within it has its own. */
  readonly authenticator: Authenticator;
}

/** Connects to a server, through the tunnel of its address. It accepts writes at once; its sink gets the failure. */
export function openChannel(address: Address, { peer, fingerprint, authenticator }: ChannelOptions): ByteChannel {
  const connect = () => dial('rtsp', address, peer, fingerprint);
  if (address.tunnel === 'none') {
    return connect();
  }
  const remote = hostPortOf(address);
  const path = address.uri.slice(address.origin.length);
  return address.tunnel === 'http'
    ? new HttpTunnel(remote, { peer, target: path.startsWith('/') ? path : `/${path}`, authenticator, dial: connect })
    : // One WebSocket serves all streams: RTSP within it names the stream.
      new WebSocketTunnel(remote, { peer, target: '/', authenticator, dial: connect });
}
