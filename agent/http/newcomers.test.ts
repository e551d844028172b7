import { once } from 'node:events';
import { request as ask, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { CONNECTION_BYTES, NewcomerMemory } from '../base/newcomer-memory.ts';
import { createHttpApp } from './app.ts';
import { listen } from './listeners.ts';
import { letIn } from './newcomers.ts';

const KIB = 1024;
const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) {
    await app.close();
  }
});

/** `/open` asks nobody, `/known` lets in who says a name, `/read` lets in everybody. */
async function boxOf(limitBytes?: number) {
  const memory = new NewcomerMemory(systemClock, silentLogger, limitBytes);
  const app = createHttpApp({ log: silentLogger, newcomers: memory, readTimeoutMs: 60_000 });
  apps.push(app);
  const sizeOf = ({ body }: { body: unknown }) => ({ size: JSON.stringify(body ?? '').length });
  app.post('/open', sizeOf);
  app.post('/large', { config: { newcomerBodyBytes: 8 * KIB } }, sizeOf);
  app.post('/known', { onRequest: async (request) => letIn(request, true) }, sizeOf);
  app.post('/read', { onRequest: async (request) => letIn(request, false) }, sizeOf);
  const { port } = await listen('address', '127.0.0.1:0', app);
  return { memory, port };
}

const bodyOf = (bytes: number): string => `{"text":"${'x'.repeat(bytes - 11)}"}`;
const post = (port: number, path: string, body: string) =>
  fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });

async function open(port: number, text: string): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  socket.write(text);
  return { socket, closed };
}
const headOf = (path: string, bytes: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;

test('a body is small until somebody has let its client in, whatever the route is', async () => {
  const { port } = await boxOf();
  const status = async (path: string, bytes: number) => (await post(port, path, bodyOf(bytes))).status;
  expect([await status('/open', 4 * KIB), await status('/open', 4 * KIB + 1)]).toEqual([200, 413]);
  expect([await status('/large', 8 * KIB), await status('/large', 8 * KIB + 1)]).toEqual([200, 413]);
  expect(await status('/nothing', 5 * KIB)).toBe(413);
  expect([await status('/known', 100 * KIB), await status('/read', 100 * KIB)]).toEqual([200, 200]);
});

test('nor is one that does not say how long it is', async () => {
  const { port } = await boxOf();
  const send = async (path: string, bytes: number) => {
    const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
    const request = ask({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false });
    request.end(bodyOf(bytes));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  expect([await send('/open', 4 * KIB), await send('/open', 5 * KIB), await send('/known', 50 * KIB)]).toEqual([
    200, 413, 200,
  ]);
});

test('bodies and heads that are coming in count, and those of whom somebody has let in do not', async () => {
  const { memory, port } = await boxOf();
  const idle = await open(port, '');
  await expect.poll(() => memory.bytes).toBe(CONNECTION_BYTES);
  const body = await open(port, headOf('/open', 3 * KIB));
  await expect.poll(() => memory.bytes).toBeGreaterThan(2 * CONNECTION_BYTES + 3 * KIB);
  const withBody = memory.bytes;
  const head = await open(port, `GET / HTTP/1.1\r\nX: ${'x'.repeat(10 * KIB)}`);
  await expect.poll(() => memory.bytes).toBeGreaterThan(withBody + CONNECTION_BYTES + 10 * KIB);
  const known = await open(port, headOf('/known', 50 * KIB));
  const read = await open(port, headOf('/read', 50 * KIB));
  body.socket.destroy();
  head.socket.destroy();
  await expect.poll(() => memory.bytes).toBe(CONNECTION_BYTES);
  for (const { socket } of [idle, known, read]) {
    socket.destroy();
  }
  await expect.poll(() => memory.bytes).toBe(0);
});

test('when the budget is used up the oldest are closed, and somebody who comes then is answered', async () => {
  const { memory, port } = await boxOf(20 * CONNECTION_BYTES);
  const flood = await Promise.all(Array.from({ length: 60 }, () => open(port, headOf('/open', 4 * KIB))));
  await Promise.all(flood.slice(0, 40).map(({ closed }) => closed));
  expect(memory.bytes).toBeLessThanOrEqual(20 * CONNECTION_BYTES);
  expect((await post(port, '/open', '{}')).status).toBe(200);
  for (const { socket } of flood) {
    socket.destroy();
  }
});

test('who takes too long for a request loses the connection, and who has been let in does not', async () => {
  const { port } = await boxOf();
  const known = await open(port, headOf('/known', 100));
  let isKnownClosed = false;
  void known.closed.then(() => {
    isKnownClosed = true;
  });
  const slow = await Promise.all(
    ['', 'POST /open HTTP/1.1\r\nX: ', `${headOf('/open', 100)}{`].map((text) => open(port, text)),
  );
  const drip = setInterval(() => {
    for (const { socket } of slow) {
      socket.write('x');
    }
  }, 200);
  await Promise.all(slow.map(({ closed }) => closed));
  clearInterval(drip);
  expect(isKnownClosed).toBe(false);
  known.socket.destroy();
});
