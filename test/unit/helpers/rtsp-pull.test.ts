import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { pull } from '../../support/clients/rtsp-pull.ts';

/** @param answer to the first request */
async function serverThat(
  answer: (socket: Socket) => void,
): Promise<AsyncDisposable & { url: string; closed: Promise<unknown> }> {
  const closed = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on('close', () => closed.resolve());
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `rtsp://127.0.0.1:${port}/cam`,
    closed: closed.promise,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

test('a player whose server closes the connection before an answer reports that', async () => {
  await using server = await serverThat((socket) => socket.end());
  await expect(pull(server.url)).rejects.toThrow();
});

test('a rejected player leaves no connection', async () => {
  await using server = await serverThat((socket) => socket.write('RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n'));
  await expect(pull(server.url)).rejects.toThrow('404');
  await server.closed;
});
