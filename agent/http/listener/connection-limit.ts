import type { Server, Socket } from 'node:net';
import { addCount } from '../../base/count-map.ts';
import { canonicalIp, isLoopbackIp, subscriberOf } from '../../base/ip-address.ts';

/** Connections of one listener; a browser opens six, and a player two for each stream. */
const CONNECTIONS_LIMIT = 2048;
/** One address never takes all; this machine may, because a proxy on it carries all clients. */
const PER_ADDRESS_LIMIT = CONNECTIONS_LIMIT / 2;

/**
 * Limits the connections of a listener, in total and for each subscriber. Excess ones are closed unread; logged once until the number has
 * halved.
 */
export function limitConnections(
  server: Pick<Server, 'on' | 'maxConnections'>,
  log: { warn(facts: object, message: string): void },
  perAddress = PER_ADDRESS_LIMIT,
  isExempt = isLoopbackIp,
): void {
  server.maxConnections = CONNECTIONS_LIMIT;
  const counts = new Map<string, number>();
  const told = new Set<string>();
  let [open, isFull] = [0, false];
  server.on('drop', () => {
    if (!isFull) {
      isFull = true;
      log.warn({ limit: server.maxConnections }, 'too many connections: no more are taken until some end');
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
      if (!told.has(key)) {
        told.add(key);
        log.warn({ ip, limit: perAddress }, 'too many connections from one address: further ones are closed');
      }
      return;
    }
    addCount(counts, key, 1);
    socket.once('close', () => {
      if (addCount(counts, key, -1) <= perAddress / 2) {
        told.delete(key);
      }
    });
  });
}
