import { createServer, type Socket } from 'node:net';
import { bindUdp } from '../../../agent/base/udp.ts';

/**
 * The floor of relaying what arrives over UDP: `node bare-ts-relay.ts NAME ...` writes the datagrams of each as they come, unparsed, to
 * everybody who has connected to its port. Prints `ready UDP:TCP ...`. Ends with its standard input.
 */
const ports: string[] = [];
for (const _ of process.argv.slice(2)) {
  const readers: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    readers.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const socket = await bindUdp('127.0.0.1', 0);
  socket.on('message', (datagram) => {
    for (let i = 0; i < readers.length; i += 1) {
      readers[i]?.write(datagram);
    }
  });
  ports.push(`${socket.address().port}:${typeof address === 'object' && address ? address.port : 0}`);
}
process.stdout.write(`ready ${ports.join(' ')}\n`);
process.stdin.on('end', () => process.exit());
process.stdin.resume();
