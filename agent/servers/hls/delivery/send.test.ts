import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../../../test/peers/agent/agent.ts';
import { listenLocally } from '../../../../test/support/base/local-listener.ts';
import { silentLogger } from '../../../base/log.ts';
import type { KeyPair } from '../../../config/file/key-pair.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import type { MediaFile } from '../contracts/hls-muxer.ts';
import { sendFile } from './send.ts';

const PIECE_BYTES = 1 << 20;
const PIECES = 16;

/** A file that is far larger than what fits between two ends of a connection, on a real port. */
async function serve({ tls, longestMs }: { readonly tls?: KeyPair; readonly longestMs?: number } = {}) {
  const pieces = Array.from({ length: PIECES }, (_, i) => new Uint8Array(PIECE_BYTES).fill(i));
  const counts = { holds: 0, held: 0, sentBytes: 0 };
  const file: MediaFile = {
    name: 'x_seg0.mp4',
    type: 'video/mp4',
    sizeBytes: PIECES * PIECE_BYTES,
    pieces,
    hold: () => {
      counts.holds += 1;
      counts.held += 1;
    },
    release: () => {
      counts.held -= 1;
    },
  };
  const app = createHttpApp({ log: silentLogger });
  const send = (request: FastifyRequest, reply: FastifyReply) => {
    const onSent = (bytes: number) => {
      counts.sentBytes += bytes;
    };
    return sendFile(request, reply, 'no-store', file, onSent, longestMs);
  };
  app.get('/file', send);
  const asked: FastifyRequest[] = [];
  const { promise: made, resolve: make } = Promise.withResolvers<void>();
  app.get('/hinted', async (request, reply) => {
    asked.push(request);
    await made;
    return send(request, reply);
  });
  app.get('/small', () => 'small');
  const { port } = await listenLocally(app, tls && { tls });
  onTestFinished(() => app.close());
  return { pieces, counts, asked, make, port };
}

async function serveHttp2() {
  const tls = join(import.meta.dirname, '../../../../test/fixtures/tls/server');
  const [key, cert] = await Promise.all([readFile(`${tls}.key`), readFile(`${tls}.crt`)]);
  const box = await serve({ tls: { key, cert } });
  const session = connectHttp2(`https://127.0.0.1:${box.port}`, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  return { ...box, ask: (path: string) => session.request({ ':path': path }) };
}

test('a file is held while it is sent, and let go and counted when it has been', async () => {
  const { pieces, counts, port } = await serve();
  const answer = await fetch(`http://127.0.0.1:${port}/file`);
  expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.concat(pieces))).toBe(true);
  await until(() => counts.sentBytes > 0 || undefined);
  expect(counts).toEqual({ holds: 1, held: 0, sentBytes: PIECES * PIECE_BYTES });
});

test('a viewer that disconnects during the response releases the file', async () => {
  const { counts, port } = await serve();
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('GET /file HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'readable');
  expect(counts).toEqual({ holds: 1, held: 1, sentBytes: 0 });
  socket.destroy();
  await until(() => counts.held === 0 || undefined);
  expect(counts).toEqual({ holds: 1, held: 0, sentBytes: 0 });
});

test('pipelined requests are answered in order', async () => {
  const { counts, port } = await serve();
  const socket = connect({ host: '127.0.0.1', port });
  const ask = (range: string, close = '') => `GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=${range}\r\n${close}\r\n`;
  socket.write(ask('0-9') + ask(`${PIECE_BYTES - 2}-${PIECE_BYTES + 1}`) + ask('-3', 'Connection: close\r\n'));
  const text = (await buffer(socket)).toString('latin1');
  const bodies = text.split(/HTTP\/1\.1 206 .*?\r\n\r\n/s).slice(1);
  expect(bodies).toEqual(['\0'.repeat(10), '\0\0\u0001\u0001', '\u000f\u000f\u000f']);
  await until(() => counts.sentBytes === 17 || undefined);
  // The first one goes at once; those behind it wait for it.
  expect([counts.holds, counts.held]).toEqual([2, 0]);
});

test('a viewer that disconnects releases its pipelined files as well', async () => {
  const { counts, port } = await serve();
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('GET /file HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
  await once(socket, 'readable');
  expect(counts.holds).toBe(3);
  socket.destroy();
  await until(() => counts.held === 0 || undefined);
  expect(counts.sentBytes).toBe(0);
});

test('HEAD holds nothing', async () => {
  const { counts, port } = await serve();
  const answer = await fetch(`http://127.0.0.1:${port}/file`, { method: 'HEAD' });
  expect(answer.headers.get('content-length')).toBe(String(PIECES * PIECE_BYTES));
  expect(counts.holds).toBe(0);
});

test('a viewer that disconnects during the wait holds no file', async () => {
  const { counts, asked, make, port } = await serve();
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('GET /hinted HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => asked[0]);
  socket.destroy();
  await until(() => asked[0]?.raw.socket.destroyed || undefined);
  make();
  await new Promise(setImmediate);
  expect([counts.held, counts.sentBytes]).toEqual([0, 0]);
});

test('over HTTP/2 a request that is cancelled during the wait holds no file', async () => {
  const { counts, asked, make, ask } = await serveHttp2();
  const request = ask('/hinted');
  await until(() => asked[0]);
  request.close();
  await until(() => asked[0]?.raw.socket.destroyed || undefined);
  make();
  await new Promise(setImmediate);
  expect([counts.held, counts.sentBytes]).toEqual([0, 0]);
});

test.for([
  ['', ''],
  [' after a WebSocket request', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
] as const)(
  'a client that reads too slowly%s is disconnected before the end, even if it keeps reading',
  async ([, fields]) => {
    const { counts, port } = await serve({ longestMs: 200 });
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.write(`GET /file HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    await until(() => {
      socket.read(1000);
      return (counts.holds > 0 && counts.held === 0) || undefined;
    });
    expect(counts.sentBytes).toBe(0);
    socket.destroy();
  },
);

test('over HTTP/2 a large unread file leaves room for other requests of the connection', async () => {
  const { counts, ask } = await serveHttp2();
  const large = ask('/file');
  await once(large, 'response');
  expect(await text(ask('/small'))).toBe('small');
  large.close();
  await until(() => counts.held === 0 || undefined);
  expect(counts.sentBytes).toBe(0);
  const whole = await buffer(ask('/file'));
  expect(whole.length).toBe(PIECES * PIECE_BYTES);
  await until(() => counts.sentBytes === whole.length || undefined);
});
