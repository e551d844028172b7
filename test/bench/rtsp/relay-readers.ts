import { connect } from 'node:net';
import { pull } from '../../support/clients/rtsp-pull.ts';

/**
 * `node relay-readers.ts TARGET ...`: readers that throw away what they get. A target is an RTSP URL or the port of a bare relay.
 * Prints `ready` when all are connected, and on each line of standard input the bytes that each has got so far.
 */
const counts: number[] = [];

async function open(target: string, index: number): Promise<void> {
  const socket = target.startsWith('rtsp:') ? await pull(target) : connect({ host: '127.0.0.1', port: Number(target) });
  counts[index] = 0;
  socket.on('data', (chunk) => {
    counts[index] = (counts[index] ?? 0) + chunk.length;
  });
  socket.resume();
}

for (const [index, target] of process.argv.slice(2).entries()) {
  await open(target, index);
}
process.stdout.write('ready\n');
process.stdin.on('data', () => process.stdout.write(`${JSON.stringify(counts)}\n`));
process.stdin.on('end', () => process.exit());
