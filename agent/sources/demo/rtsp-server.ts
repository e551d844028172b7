import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PlayedFeed } from './feed.ts';
import { type RtspManners, RtspSession } from './rtsp-session.ts';

const MAX_CLIENTS = 32;

export interface RtspServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface RtspServerOptions {
  /** Loopback when not given. */
  readonly address?: string;
  readonly manners?: RtspManners;
}

/** The demo camera's RTSP side. @param port 0 for any that is free */
export async function startRtspServer(
  port: number,
  feed: PlayedFeed,
  clock: Clock,
  log: Logger,
  { address = '127.0.0.1', manners }: RtspServerOptions = {},
): Promise<RtspServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new RtspSession(socket, feed, clock, log, manners);
  });
  server.maxConnections = MAX_CLIENTS;
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, address, resolve);
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
