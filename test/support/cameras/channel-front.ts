import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { type ByteChannel, SocketChannel } from '../../../agent/base/network/socket-channel.ts';
import { ChannelAcceptor, type TunnelKind } from '../../../agent/servers/rtsp/tunnel/accept-channel.ts';

/** Key and certificate of a simulated camera, or of a server. That of `old-camera` is too weak for OpenSSL's default. */
export const certificate = (name: 'camera' | 'old-camera' | 'server') => ({
  key: readFileSync(join(import.meta.dirname, `../../fixtures/tls/${name}.key`)),
  cert: readFileSync(join(import.meta.dirname, `../../fixtures/tls/${name}.crt`)),
});

export interface ChannelFront extends AsyncDisposable {
  readonly port: number;
  /** The received bytes, in order. */
  readonly channels: readonly { readonly channel: ByteChannel; readonly tunnel: TunnelKind }[];
  /** The accepted sockets. */
  readonly sockets: readonly Socket[];
}

/** Accepts the RTSP server's connections, in TLS if it has a key, and passes the inner bytes to `onChannel`. */
export async function channelFront(
  onChannel: (channel: ByteChannel, tunnel: TunnelKind) => void,
  tls?: TlsOptions,
  clock: Clock = systemClock,
): Promise<ChannelFront> {
  const channels: { channel: ByteChannel; tunnel: TunnelKind }[] = [];
  const sockets: Socket[] = [];
  const take = (channel: ByteChannel, tunnel: TunnelKind) => {
    channels.push({ channel, tunnel });
    onChannel(channel, tunnel);
  };
  const acceptor = new ChannelAcceptor({ timeoutMs: 10_000 }, take, clock, silentLogger);
  const accept = (socket: Socket) => {
    sockets.push(socket);
    socket.setNoDelay(true);
    acceptor.accept(new SocketChannel(socket));
  };
  const server = tls ? createTlsServer(tls, accept) : createServer(accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    channels,
    sockets,
    async [Symbol.asyncDispose]() {
      acceptor.close();
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}

/** Forwards to a server on loopback that supports only TCP. */
export function passOn(port: number): (channel: ByteChannel) => void {
  return (channel) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    channel.sink = {
      onBytes: (chunk, length) => socket.write(Uint8Array.prototype.slice.call(chunk, 0, length)),
      onEnd: () => socket.destroy(),
    };
    socket.on('data', (chunk) => channel.write(chunk as Buffer));
    socket.on('error', () => channel.destroy());
    socket.on('close', () => channel.end());
  };
}
