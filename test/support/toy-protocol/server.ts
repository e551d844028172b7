import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { parseAddress } from '../../../agent/config/values/address.ts';
import type { RouteDeps, RunningServer, ServerDeps, ServerProtocol } from '../../../agent/protocols/contract.ts';
import { ToyConnection } from './connection.ts';
import { TOY, toySettings } from './keys.ts';
import { TOY_CONNECTION, TOY_SESSION } from './session-kinds.ts';

interface Options {
  readonly address: string;
}

interface RunningToy extends RunningServer {
  readonly port: number;
}

/** Access units in frames over TCP, for readers and publishers: a minimal protocol. */
export const toyServer: ServerProtocol<Options, RunningToy> = {
  name: 'toy',
  label: 'toy server',
  keys: TOY,
  kinds: [TOY_CONNECTION, TOY_SESSION],
  options(config) {
    const { toy, toyAddress: address } = toySettings(config);
    return toy ? { address } : undefined;
  },
  routes: { openingMethod: 'GET', mount },
  start: startServer,
};

/** `GET /toy/{path}`: the port to connect to. */
async function mount(app: FastifyInstance, prefix: string, { access, running }: RouteDeps<RunningToy>): Promise<void> {
  app.get<{ Params: { '*': string } }>(`${prefix}/*`, async (request) => {
    await access.require(request, 'read', request.params['*']);
    return { port: running()?.port };
  });
}

async function startServer({ address }: Options, deps: ServerDeps): Promise<RunningToy> {
  const connections = new Set<ToyConnection>();
  const server = createServer((socket) => {
    const connection = new ToyConnection(socket, deps);
    const disconnected = deps.connections.opened(TOY_CONNECTION, connection.connectionId);
    connections.add(connection);
    socket.once('close', () => {
      connections.delete(connection);
      disconnected();
    });
  });
  const { host, port } = parseAddress(address) ?? { port: 0 };
  server.listen(port, host);
  await once(server, 'listening');
  const kick = (isWanted: (connection: ToyConnection) => boolean): boolean => {
    const connection = [...connections].find(isWanted);
    connection?.close();
    return connection !== undefined;
  };
  const connectionTable = {
    list: () => [...connections].map(({ connection }) => connection),
    kick: (id: string) => kick(({ connectionId }) => connectionId === id),
  };
  const sessionTable = {
    list: () => [...connections].flatMap(({ session }) => session ?? []),
    kick: (id: string) => kick((connection) => connection.session?.id === id),
  };
  return {
    port: (server.address() as AddressInfo).port,
    table: (kind) => (kind === TOY_CONNECTION ? connectionTable : sessionTable),
    async stop() {
      server.close();
      for (const connection of connections) {
        connection.close();
      }
      await once(server, 'close');
    },
  };
}
