import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { SourceRun } from '../../../test/support/cameras/source-run.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { RtmpSource } from './source.ts';

/** A run with a server that does this with a connection. */
async function start(serve: (socket: Socket) => void) {
  const server = createServer((socket) => serve(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = once(server, 'connection');
  onTestFinished(() => void server.close());
  const url = `rtmp://127.0.0.1:${(server.address() as AddressInfo).port}/live/door`;
  const run = new SourceRun(new RtmpSource({ name: 'door', url, readTimeoutMs: 300 }, systemClock, silentLogger));
  const [socket]: Socket[] = await connected;
  return { run, socket };
}

test.for<[string, (socket: Socket) => void, string]>([
  ['ends the connection', (socket) => void socket.end(), 'unavailable'],
  ['does not answer', (socket) => void socket.resume(), 'timeout'],
])('a server that %s ends the run', async ([, serve, code]) => {
  const { run } = await start(serve);
  expect(await run.cause()).toMatchObject({ code, context: { path: 'door' } });
});

test('a run that is stopped before the server has answered closes the connection', async () => {
  const { run, socket } = await start((one) => void one.resume());
  const closed = once(socket as Socket, 'close');
  await run[Symbol.asyncDispose]();
  expect(await run.cause()).toBeUndefined();
  await closed;
});
