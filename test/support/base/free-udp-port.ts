import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Workers of the test run do not share ports: multicast on loopback reaches all processes. */
const MAX_WORKERS = 16;
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % MAX_WORKERS;
const used = new Set<number>();

/** A UDP port of loopback that no other test uses. */
export async function freeUdpPort(): Promise<number> {
  for (;;) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    socket.close();
    if (port % MAX_WORKERS === worker && !used.has(port)) {
      used.add(port);
      return port;
    }
  }
}
