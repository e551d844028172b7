import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** An address that changes hands: whoever connects early reaches the one machine, whoever is later the other. */
export interface HandedOverAddress extends AsyncDisposable {
  readonly port: number;
  /** How many have connected since it changed hands last. */
  readonly connections: number;
  /** So many more connections are the first one's: they stay his, as connections do. */
  handOverAfter(connections: number): void;
}

/** @param ports of the two, on loopback */
export async function openHandedOverAddress(ports: readonly [number, number]): Promise<HandedOverAddress> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let early = Number.POSITIVE_INFINITY;
  const server = createServer((socket) => {
    const far = connect(connections < early ? ports[0] : ports[1], '127.0.0.1');
    connections += 1;
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    handOverAfter: (count) => {
      connections = 0;
      early = count;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
