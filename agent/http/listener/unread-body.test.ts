import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from './app.ts';
import { skipBody, type UnreadBody } from './unread-body.ts';

const MEGABYTE = 1 << 20;

/** The whole of what is said to a client that sends everything before it listens, as proxies do. */
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
] as const)('who has sent too much hears so in words, by %s', async ([, head, body]) => {
  const answer = await answerTo(head, body);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"status":"error"');
});

test('what is far too much is not waited for', async () => {
  const answer = await answerTo('POST / HTTP/1.1', `Content-Length: ${MEGABYTE * MEGABYTE}\r\n\r\nbegun`);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
});

test('a body without end is not waited for', async () => {
  const endless = new Readable({
    read() {
      setImmediate(() => this.push(new Uint8Array(MEGABYTE)));
    },
  });
  const request = Object.assign(endless, { headers: {}, httpVersionMajor: 1, complete: false });
  await expect(skipBody(request as unknown as UnreadBody)).resolves.toBeUndefined();
  endless.destroy();
});

test('who goes while he is refused is not waited for', async () => {
  const silent = Object.assign(new Readable({ read: () => {} }), { headers: {}, httpVersionMajor: 1, complete: false });
  const skipped = skipBody(silent as unknown as UnreadBody);
  silent.destroy();
  await expect(skipped).resolves.toBeUndefined();
});
