import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pinOf } from '../../../../agent/tls/pin.ts';
import { certificate } from '../../../support/cameras/channel-front.ts';

export interface PinnedBox extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  readonly pin: string;
  /** Connections so far. */
  readonly connections: number;
}

/** The https port of a box that answers as the listener says. */
export async function pinnedBox(
  answer: RequestListener,
  upgrade: (request: IncomingMessage, socket: Duplex) => void = (_, socket) => socket.destroy(),
): Promise<PinnedBox> {
  const { cert, key } = certificate('camera');
  const server = createServer({ cert, key }, answer);
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket) => {
    upgraded.add(socket);
    socket.on('error', () => {});
    upgrade(request, socket);
  });
  let connections = 0;
  server.on('secureConnection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    pin: pinOf(Buffer.from(cert), undefined),
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      for (const socket of upgraded) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
