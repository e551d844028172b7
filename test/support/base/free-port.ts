import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that the system assigns to connections, and a separate range for each of vitest's workers: a free one stays free
 * until it is used.
 */
const FIRST_PORT = 10_000;
const LANES = 8;
const LANE_PORTS = 2_500;
/** The only port above `FIRST_PORT` that browsers block. */
const FORBIDDEN_PORT = 10_080;
const lane = Number(process.env['VITEST_POOL_ID'] ?? 0) % LANES;
let next = Math.floor(Math.random() * LANE_PORTS);

/** The next unused number; for a pair also the one after it. */
function take(count: 1 | 2): number {
  next += count === 2 ? next % 2 : 0;
  next = next + count > LANE_PORTS ? 0 : next;
  const port = FIRST_PORT + lane * LANE_PORTS + next;
  next += count;
  return port;
}

/** A TCP port that is free on loopback now, and was not returned before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = take(1);
    if (port !== FORBIDDEN_PORT && (await isFreeForTcp(port))) {
      return port;
    }
  }
}

function isFreeForTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    ports.add(await freePort());
  }
  return [...ports];
}

/** An even UDP port and the next one, both free now, for RTP and RTCP. */
export async function freeUdpPair(): Promise<readonly [rtp: number, rtcp: number]> {
  for (;;) {
    const rtp = take(2);
    if ((await isFreeForUdp(rtp)) && (await isFreeForUdp(rtp + 1))) {
      return [rtp, rtp + 1];
    }
  }
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const failed = once(socket, 'error').then(() => false);
  const bound = once(socket, 'listening').then(() => true);
  // Some of Perch's listen on every address.
  socket.bind(port);
  const isFree = await Promise.race([bound, failed]);
  if (isFree) {
    socket.close();
  }
  return isFree;
}
