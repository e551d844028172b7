import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { AcceptQueue } from './accept-queue.ts';

/** No turn ends by time. */
const MAX_TEST_MS = 3_600_000;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) {
    end();
  }
});

/** A listener whose requests wait until `answer` is called. */
async function listener(maxTurnMs?: number) {
  const requests: { path: string; response: ServerResponse }[] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', response });
    response.once('close', () => queue.done(request.socket));
  });
  const queue = new AcceptQueue(server, () => {}, maxTurnMs);
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  ends.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const open = async (text: string, localAddress = '127.0.0.1'): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {});
    ends.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  };
  return { requests, open };
}
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: box\r\n\r\n`;

test('eight first requests are read concurrently, and the next when one is answered', async () => {
  const { requests, open } = await listener(MAX_TEST_MS);
  for (let i = 0; i < 20; i += 1) {
    await open(get(`/${i}`));
  }
  for (let i = 0; i < 20; i += 1) {
    await expect.poll(() => requests.length).toBe(Math.min(i + 8, 20));
    requests[i]?.response.end('well');
  }
  expect(requests.map(({ path }) => path)).toEqual(Array.from({ length: 20 }, (_, i) => `/${i}`));
});

test('silent connections delay others by their turn only', async () => {
  const { requests, open } = await listener();
  for (let i = 0; i < 40; i += 1) {
    await open('');
  }
  await open(get('/honest'));
  await expect.poll(() => requests.map(({ path }) => path)).toEqual(['/honest']);
});

test('a flood does not delay another address', async () => {
  const { requests, open } = await listener(MAX_TEST_MS);
  for (let i = 0; i < 100; i += 1) {
    await open(get('/flood'));
  }
  await open(get('/honest'), '127.0.0.2');
  await expect.poll(() => requests.length).toBe(8);
  requests[0]?.response.end('well');
  await expect.poll(() => requests.length).toBe(9);
  requests[1]?.response.end('well');
  await expect.poll(() => requests.length).toBe(10);
  expect(requests.slice(8).map(({ path }) => path)).toContain('/honest');
});

test('a connection is queued for its first request only', async () => {
  const { requests, open } = await listener(MAX_TEST_MS);
  const first = await open(get('/first'));
  await expect.poll(() => requests.length).toBe(1);
  requests[0]?.response.end('well');
  for (let i = 0; i < 8; i += 1) {
    await open(get('/held'));
  }
  await expect.poll(() => requests.length).toBe(9);
  first.write(get('/second'));
  await expect.poll(() => requests.at(-1)?.path).toBe('/second');
});

test('a connection that closes leaves the queue, before and after its turn', async () => {
  const { requests, open } = await listener(MAX_TEST_MS);
  const held = [];
  for (let i = 0; i < 8; i += 1) {
    held.push(await open(get('/held')));
  }
  await expect.poll(() => requests.length).toBe(8);
  const gone = await open(get('/gone'));
  await open(get('/last'));
  const closed = once(gone, 'close');
  gone.resetAndDestroy();
  await closed;
  held[0]?.destroy();
  await expect.poll(() => requests.at(-1)?.path).toBe('/last');
});
