import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from './app.ts';
import { skipBody, type UnreadBody } from './unread-body.ts';

const MEGABYTE = 1 << 20;

/** The whole answer to a client that sends everything before it reads, as proxies do. */
async function answerTo(head: string, body: string): Promise<string> {
  const app = createHttpApp({ log: silentLogger });
  app.post('/', () => 'taken');
  onTestFinished(() => app.close());
  const { port } = await listenLocally(app);
  const socket = connect(port, '127.0.0.1');
  socket.write(`${head}\r\nHost: box\r\nContent-Type: application/json\r\n`);
  socket.write(body);
  return text(socket);
}

const chunk = (size: number): string => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`;

test.for([
  ['HTTP/1.1', 'POST / HTTP/1.1', `Content-Length: ${8 * MEGABYTE}\r\n\r\n${'x'.repeat(8 * MEGABYTE)}`],
  ['HTTP/1.0', 'POST / HTTP/1.0', `Content-Length: ${8 * MEGABYTE}\r\n\r\n${'x'.repeat(8 * MEGABYTE)}`],
  ['chunks', 'POST / HTTP/1.1', `Transfer-Encoding: chunked\r\n\r\n${chunk(MEGABYTE).repeat(8)}0\r\n\r\n`],
] as const)('a client that sends too much is rejected, by %s', async ([, head, body]) => {
  const answer = await answerTo(head, body);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"status":"error"');
});

/** A client that has announced a body and sent nothing of it; resolves with the answer. */
async function refused(bodyBytes: number): Promise<{ readonly socket: Socket; readonly answer: string }> {
  const app = createHttpApp({ log: silentLogger });
  app.post('/', () => 'taken');
  onTestFinished(() => app.close());
  const { port } = await listenLocally(app);
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  return { socket, answer: String(answer) };
}

test.for([
  ['too large', 2 * MEGABYTE],
  ['far too large', MEGABYTE * MEGABYTE],
] as const)('a body that is %s is rejected before it arrives', async ([, bodyBytes]) => {
  const { socket, answer } = await refused(bodyBytes);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"status":"error"');
  socket.destroy();
});

test('the rest of a rejected body is read, so that the connection is not reset', async () => {
  const { socket } = await refused(2 * MEGABYTE);
  const closed = once(socket, 'close');
  for (let sent = 0; sent < 2 * MEGABYTE; sent += 1 << 16) {
    await new Promise((resolve) => socket.write(new Uint8Array(1 << 16), resolve));
  }
  expect(await closed).toEqual([false]);
});

test('a body without end is dropped after 16 MiB', async () => {
  const endless = new Readable({
    read() {
      setImmediate(() => this.push(new Uint8Array(MEGABYTE)));
    },
  });
  const request = Object.assign(endless, { httpVersionMajor: 1, complete: false });
  await expect(skipBody(request as unknown as UnreadBody)).resolves.toBeUndefined();
  endless.destroy();
});

test('a disconnect ends the rejection', async () => {
  const silent = Object.assign(new Readable({ read: () => {} }), { httpVersionMajor: 1, complete: false });
  const skipped = skipBody(silent as unknown as UnreadBody);
  silent.destroy();
  await expect(skipped).resolves.toBeUndefined();
});
