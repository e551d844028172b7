import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureContext, createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { certificate } from '../../../../test/support/cameras/channel-front.ts';
import type { SniCallback } from '../../../config/file/key-pair.ts';
import { pinOf } from '../../../tls/pin.ts';
import { connectPinned } from './pinned-connection.ts';

const PIN = pinOf(certificate('camera').cert, undefined);

/** The https port of a box that has another certificate for its name, and the names that it was asked for. */
async function namedBox(own: 'camera' | 'server') {
  const named = createSecureContext(certificate('server'));
  const asked: string[] = [];
  const sni: SniCallback = (name, done) => {
    asked.push(name);
    done(null, named);
  };
  // The client ends a connection with a certificate that is not the pinned one.
  const server = createServer({ ...certificate(own), SNICallback: sni }, (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return { asked, port: (server.address() as AddressInfo).port };
}

test('a box with a certificate of a public authority for its name is reached by that name', async () => {
  const { port, asked } = await namedBox('camera');
  const socket = await connectPinned(`localhost:${port}`, PIN);
  expect(pinOf(socket.getPeerX509Certificate()?.raw ?? '', undefined)).toBe(PIN);
  socket.destroy();
  expect(asked).toEqual(['localhost']);
});

test('a box with another certificate is none, with its name and without', async () => {
  const { port } = await namedBox('server');
  for (const host of ['localhost', '127.0.0.1']) {
    await expect(connectPinned(`${host}:${port}`, PIN)).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringMatching(`^${host}:${port}: another machine answers there`),
      context: { why: 'pin' },
    });
  }
});

test('a port that speaks http says so', async () => {
  const http = createHttpServer((_, answer) => answer.end('hello')).listen(0, '127.0.0.1');
  onTestFinished(() => void http.close());
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const said = `port ${port} of 127.0.0.1 speaks http or another protocol, not https: enter the https port of the box`;
  await expect(connectPinned(`127.0.0.1:${port}`, PIN)).rejects.toThrow(said);
});
