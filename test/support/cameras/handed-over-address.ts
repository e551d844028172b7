import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const HOST = '127.0.53.1';

/** An address that moves from one machine to another: early connections reach the first, later ones the second. */
export interface HandedOverAddress extends AsyncDisposable {
  /** On loopback, with the port of the first machine: the port that it reports is valid here too. */
  readonly host: string;
  /** Connections since the last handover. */
  readonly connections: number;
  /** This many further connections reach the first machine, as open connections do. */
  handOverAfter(connections: number): void;
  /** Ends all connections. */
  cut(): void;
}

/** @param ports of the two, at 127.0.0.1 */
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
  server.listen(ports[0], HOST);
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) {
      socket.destroy();
    }
  };
  return {
    host: HOST,
    get connections() {
      return connections;
    },
    handOverAfter: (count) => {
      connections = 0;
      early = count;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
