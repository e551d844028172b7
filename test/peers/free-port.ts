import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A TCP port that is free on loopback now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    ports.add(await freePort());
  }
  return [...ports];
}

/** An even UDP port and the next one, both free on loopback now: as RTP and RTCP like them. */
export async function freeUdpPair(): Promise<readonly [rtp: number, rtcp: number]> {
  for (;;) {
    const port = await freePort();
    const rtp = port - (port % 2);
    if ((await isFreeForUdp(rtp)) && (await isFreeForUdp(rtp + 1))) {
      return [rtp, rtp + 1];
    }
  }
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const failed = once(socket, 'error').then(() => false);
  const bound = once(socket, 'listening').then(() => true);
  socket.bind(port, '127.0.0.1');
  const isFree = await Promise.race([bound, failed]);
  if (isFree) {
    socket.close();
  }
  return isFree;
}
