import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Feed } from './feed.ts';
import { RtspSession } from './rtsp-session.ts';

const MAX_CLIENTS = 32;

export interface RtspServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The demo camera's RTSP side, on loopback. @param port 0 for any that is free */
export async function startRtspServer(port: number, feed: Feed, clock: Clock, log: Logger): Promise<RtspServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new RtspSession(socket, feed, clock, log);
  });
  server.maxConnections = MAX_CLIENTS;
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) {
        socket.destroy();
      }
    });
  return { port: (server.address() as AddressInfo).port, close };
}
