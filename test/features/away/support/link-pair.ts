import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { SocketChannel } from '../../../../agent/base/network/socket-channel.ts';
import { LinkStream } from '../../../../agent/features/away/link/link-stream.ts';
import { WebSocketChannel } from '../../../../agent/media/websocket/channel.ts';

export interface LinkPair extends AsyncDisposable {
  /** The server's end, which takes the connection. */
  readonly server: LinkStream;
  /** The box's end, and the connection below it. */
  readonly box: LinkStream;
  readonly boxSocket: Socket;
}

/** Both ends of a link over loopback, after the handshake of the WebSocket. */
export async function openLinkPair(): Promise<LinkPair> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const boxSocket = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [[serverSocket]] = (await Promise.all([once(listener, 'connection'), once(boxSocket, 'connect')])) as [
    [Socket],
    unknown,
  ];
  // Another suite may still connect to a port that was its own: such a connection would keep the listener open.
  listener.close();
  const server = new LinkStream(new WebSocketChannel(new SocketChannel(serverSocket), undefined), serverSocket);
  const mask = () => randomBytes(4);
  const box = new LinkStream(new WebSocketChannel(new SocketChannel(boxSocket), mask), boxSocket);
  return {
    server,
    box,
    boxSocket,
    [Symbol.asyncDispose]: async () => {
      box.destroy();
      server.destroy();
      await Promise.all([boxSocket, serverSocket].map((socket) => socket.closed || once(socket, 'close')));
    },
  };
}
