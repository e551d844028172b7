import type { Server, Socket } from 'node:net';
import { addCount } from '../../base/count-map.ts';
import { canonicalIp, isLoopbackIp, subscriberOf } from '../../base/network/ip-address.ts';

/** Connections of one listener; a browser opens six, and a player two for each stream. */
const MAX_CONNECTIONS = 2048;

/**
 * Limits the connections of a listener, in total and for each subscriber. Excess ones are closed unread; logged once until the number has
 * halved.
 */
export function limitConnections(
  server: Pick<Server, 'on' | 'maxConnections'>,
  log: { warn(facts: object, message: string): void },
  // One address never takes all; this box may, because a proxy on it carries all clients.
  perAddress = MAX_CONNECTIONS / 2,
  isExempt = isLoopbackIp,
): void {
  server.maxConnections = MAX_CONNECTIONS;
  const counts = new Map<string, number>();
  const logged = new Set<string>();
  let [open, isFull] = [0, false];
  server.on('drop', () => {
    if (!isFull) {
      isFull = true;
      log.warn({ limit: server.maxConnections }, 'too many connections: rejecting new ones until some close');
    }
  });
  server.on('connection', (socket: Socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
      isFull = isFull && open > server.maxConnections / 2;
    });
    const ip = canonicalIp(socket.remoteAddress ?? '') ?? '';
    if (isExempt(ip)) {
      return;
    }
    const key = subscriberOf(ip);
    if ((counts.get(key) ?? 0) >= perAddress) {
      socket.destroy();
      if (!logged.has(key)) {
        logged.add(key);
        log.warn({ ip, limit: perAddress }, 'too many connections from one address: closing further ones');
      }
      return;
    }
    addCount(counts, key, 1);
    socket.once('close', () => {
      if (addCount(counts, key, -1) <= perAddress / 2) {
        logged.delete(key);
      }
    });
  });
}
