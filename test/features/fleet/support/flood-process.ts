import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { nkeys } from '@nats-io/transport-node';

/**
 * A process that publishes on one subject as fast as the NATS server reads, by the protocol alone: the client of NATS takes most of the time of a
 * processor, and so it is slower.
 */

export interface FloodOrder {
  readonly port: number;
  readonly authority: string;
  readonly jwt: string;
  readonly seed: string;
  readonly subject: string;
  readonly body: string;
}

const CHUNK_BYTES = 64 << 10;

async function flood({ port, authority, jwt, seed, subject, body }: FloodOrder): Promise<void> {
  const tcp = connectTcp(port, '127.0.0.1');
  const [greeting] = (await once(tcp, 'data')) as [Buffer];
  const { nonce } = JSON.parse(greeting.toString().slice('INFO '.length)) as { readonly nonce: string };
  const tls = connectTls({ socket: tcp, ca: authority, checkServerIdentity: () => undefined });
  await once(tls, 'secureConnect');
  const key = nkeys.fromSeed(Buffer.from(seed));
  const sig = Buffer.from(key.sign(Buffer.from(nonce))).toString('base64url');
  const hello = { verbose: false, pedantic: false, tls_required: true, lang: 'test', version: '1', protocol: 1 };
  tls.write(`CONNECT ${JSON.stringify({ ...hello, jwt, sig })}\r\nPING\r\n`);
  await once(tls, 'data');
  tls.on('data', (text: Buffer) => {
    if (text.includes('PING')) {
      tls.write('PONG\r\n');
    }
  });
  const one = Buffer.from(`PUB ${subject} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  const count = Math.max(1, Math.floor(CHUNK_BYTES / one.length));
  const chunk = Buffer.concat(Array(count).fill(one));
  process.send?.('begun');
  for (;;) {
    if (!tls.write(chunk)) {
      await once(tls, 'drain');
    }
  }
}

process.once('message', (order: FloodOrder) => void flood(order));
process.on('disconnect', () => process.exit());
