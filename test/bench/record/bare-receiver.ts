import { bindUdp } from '../../../agent/base/network/udp.ts';

/** The floor of receiving over UDP: `node bare-receiver.ts PORT ...` drops each datagram. Ends with its standard input. */
for (const port of process.argv.slice(2)) {
  const socket = await bindUdp('127.0.0.1', Number(port));
  socket.setRecvBufferSize(2 << 20);
  socket.on('message', () => {});
}
process.stdout.write('ready\n');
process.stdin.on('end', () => process.exit());
process.stdin.resume();
