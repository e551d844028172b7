import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { createLogger } from '../../base/log.ts';
import { createHttpApp } from './app.ts';
import { slowBody } from './slow-body.ts';

const LENGTH = 10;

/** A route whose body may be slow, and one for which the listener's time holds. */
async function open(tls = false, silentMs?: number) {
  const app = createHttpApp({ log: createLogger('silent', () => {}) });
  app.addContentTypeParser('text/x', (_request, body, done) => done(null, body));
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const read = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) {
      parts.push(piece);
      begun.resolve();
    }
    return Buffer.concat(parts).toString();
  };
  app.post('/slow', async ({ raw, body }) => {
    try {
      return await read(slowBody(raw, body as Readable, silentMs));
    } finally {
      ended.resolve();
    }
  });
  app.post('/other', ({ body }) => read(body as Readable));
  onTestFinished(() => app.close());
  const { port } = await listenLocally(app, { readTimeoutMs: 300, ...(tls && { tls: certificate('camera') }) });
  return { port, begun: begun.promise, ended: ended.promise };
}

async function post(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(`POST ${path} HTTP/1.1\r\nHost: box\r\nContent-Type: text/x\r\nContent-Length: ${LENGTH}\r\n\r\nbegin`);
  return socket;
}
async function allOf(socket: Socket): Promise<string> {
  const text: Buffer[] = [];
  socket.on('data', (piece: Buffer) => text.push(piece));
  await once(socket, 'close');
  return Buffer.concat(text).toString();
}

test('a slow body is read to its end while later requests time out', async () => {
  const { port, begun } = await open();
  const slow = await post(port, '/slow');
  await begun;
  expect(await allOf(await post(port, '/other'))).toMatch(/^HTTP\/1.1 408 /);
  slow.write('s end');
  let answer = '';
  while (!answer.endsWith('begins end')) {
    const [piece] = await once(slow, 'data');
    answer += String(piece);
  }
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  // The longer limit applied to that body only: the next request has the usual one.
  slow.write(`POST /other HTTP/1.1\r\nHost: box\r\nContent-Type: text/x\r\nContent-Length: ${LENGTH}\r\n\r\nbegin`);
  expect(await allOf(slow)).toMatch(/^HTTP\/1.1 408 /);
});

test('also over HTTP/2', async () => {
  const { port, begun } = await open(true);
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  const send = (path: string) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'text/x' });
    stream.write('begin');
    stream.setEncoding('utf8');
    return stream;
  };
  const slow = send('/slow');
  await begun;
  const other = send('/other');
  other.on('error', () => {});
  await once(other, 'close');
  expect(other.rstCode).not.toBe(0);
  slow.end('s end');
  expect((await slow.toArray()).join('')).toBe('begins end');
});

test('a client that stops sending within a slow body is disconnected', async () => {
  const { port, ended } = await open(false, 100);
  const slow = await post(port, '/slow');
  await allOf(slow);
  await ended;
});
