import { createServer, type Socket } from 'node:net';
import { pull } from '../../support/clients/rtsp-pull.ts';

/**
 * The floor of relaying: `node bare-relay.ts URL ...` reads the cameras and writes their bytes as they come, unparsed,
 * to every client of the camera's port. Prints `ready PORT ...`. Ends with its standard input.
 */
const ports: number[] = [];
for (const url of process.argv.slice(2)) {
  const readers: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    readers.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  ports.push(typeof address === 'object' && address ? address.port : 0);
  const socket = await pull(url);
  socket.on('data', (chunk) => {
    for (let i = 0; i < readers.length; i += 1) {
      readers[i]?.write(chunk);
    }
  });
  socket.resume();
}
process.stdout.write(`ready ${ports.join(' ')}\n`);
process.stdin.on('end', () => process.exit());
process.stdin.resume();
