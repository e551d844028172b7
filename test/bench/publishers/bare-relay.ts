import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { bindUdp } from '../../../agent/base/network/udp.ts';

/**
 * The floor of relaying a publisher: `node bare-relay.ts udp|tcp NAME ...` forwards the bytes of each, unparsed, to every client
 * of its port for readers. Prints `ready PUBLISHER:READERS ...`. Ends with its standard input.
 */
const [transport, ...names] = process.argv.slice(2);

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** @returns the port that the publisher sends to */
async function receive(onChunk: (chunk: Uint8Array) => void): Promise<number> {
  if (transport === 'udp') {
    const socket = await bindUdp('127.0.0.1', 0);
    socket.on('message', onChunk);
    return socket.address().port;
  }
  return portOf(createServer((socket) => socket.on('data', onChunk).on('error', () => {})));
}

const ports: string[] = [];
for (const _ of names) {
  const readers: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    readers.push(socket);
    socket.on('error', () => {});
  });
  const publisher = await receive((chunk) => {
    for (let i = 0; i < readers.length; i += 1) {
      readers[i]?.write(chunk);
    }
  });
  ports.push(`${publisher}:${await portOf(server)}`);
}
process.stdout.write(`ready ${ports.join(' ')}\n`);
process.stdin.on('end', () => process.exit());
process.stdin.resume();
