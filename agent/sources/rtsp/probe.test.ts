import { createServer, type Socket } from 'node:net';
import { expect, type TestContext, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { freePort } from '../../../test/support/base/free-port.ts';
import { systemClock } from '../../base/clock.ts';
import { speaksRtsp } from './probe.ts';

const asks = (port: number, signal = new AbortController().signal, waitMs = 5_000) =>
  speaksRtsp(`rtsp://127.0.0.1:${port}/`, systemClock, waitMs, signal);

async function listen({ onTestFinished }: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return (server.address() as { port: number }).port;
}

test('a camera that wants a login speaks RTSP', async () => {
  await using camera = await startOnvifCamera({ credentials: { user: 'admin', password: 'secret' } });
  expect(await asks(camera.rtspPort)).toBe(true);
});

test('one that refuses OPTIONS does, too', async (context) => {
  expect(await asks(await listen(context, (socket) => socket.write('RTSP/1.0 405 No\r\nCSeq: 1\r\n\r\n')))).toBe(true);
});

test.for([
  ['a web server', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
  ['a mail server', '220 mail ready\r\n'],
] as const)('%s does not', async ([, greeting], context) => {
  expect(await asks(await listen(context, (socket) => socket.end(greeting)))).toBe(false);
});

test('neither does a port where nobody listens, or somebody who says nothing', async (context) => {
  expect(await asks(await freePort())).toBe(false);
  expect(await asks(await listen(context, () => {}), new AbortController().signal, 50)).toBe(false);
  const stop = new AbortController();
  const asked = asks(await listen(context, () => stop.abort()), stop.signal);
  expect(await asked).toBe(false);
});
