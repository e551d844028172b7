import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from './app.ts';
import { takeUpgrade } from './web-socket.ts';

async function open() {
  const app = createHttpApp({ log: silentLogger });
  const seen: string[] = [];
  app.addHook('onRequest', async (request) => {
    seen.push(request.url);
  });
  app.get('/socket', async (request, reply) => {
    const upgrade = takeUpgrade(request, reply);
    if (!upgrade) {
      return reply.code(426).send();
    }
    upgrade.socket.write(`taken ${Buffer.from(upgrade.head).toString()} `);
    upgrade.socket.pipe(upgrade.socket);
    return reply;
  });
  app.get('/plain', () => 'plain');
  app.post('/plain', (request) => JSON.stringify(request.body));
  app.get('/refused', () => {
    throw new PerchError('unauthorized', 'not you', { challenge: true });
  });
  const { server, port } = await listenLocally(app);
  onTestFinished(() => app.close());
  const ask = (request: string, behind = '') => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`${request} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${behind}`);
    return socket;
  };
  return { app, server, seen, ask };
}

const WEBSOCKET = 'Upgrade: websocket\r\n\r\n';

test('a route receives the connection, with the bytes after the request', async () => {
  const { ask, seen } = await open();
  const socket = ask('GET /socket?x=1', `${WEBSOCKET}first`);
  const [first] = await once(socket, 'data');
  expect(String(first)).toBe('taken first ');
  socket.write('second');
  const [second] = await once(socket, 'data');
  expect(String(second)).toBe('second');
  expect(seen).toEqual(['/socket?x=1']);
  socket.destroy();
});

test.for([
  ['of a route that knows no WebSocket', 'GET /plain', 'HTTP/1.1 200 OK', 'plain'],
  ['of nothing', 'GET /nothing', 'HTTP/1.1 404 Not Found', '404 page not found'],
  ['that a hook or a route refuses', 'GET /refused', 'HTTP/1.1 401 Unauthorized', 'not you'],
] as const)(
  'a request for a WebSocket %s is answered like any other, and its connection ends',
  async ([, request, status, body]) => {
    const { ask } = await open();
    const answer = await text(ask(request, WEBSOCKET));
    expect(answer.split('\r\n')[0]).toBe(status);
    expect(answer).toContain('Connection: close');
    expect(answer).toContain(body);
  },
);

test('other upgrades are ordinary requests', async () => {
  const { ask } = await open();
  const fields = 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
  const socket = ask('GET /plain', `${fields}\r\n`);
  expect(String((await once(socket, 'data'))[0])).toContain('HTTP/1.1 200 OK');
  socket.destroy();
  const posting = ask('POST /plain', `${fields}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}`);
  expect(String((await once(posting, 'data'))[0])).toContain('{"a":1}');
  posting.destroy();
});

test('an upgrade that Node hands over with its body unread ends the connection, though the client keeps its half', async () => {
  const { server } = await open();
  // As Node before 22.21 does with every upgrade.
  const front = createServer({ allowHalfOpen: true }, (socket) =>
    server.emit('upgrade', { method: 'POST', headers: { upgrade: 'h2c' } }, socket, Buffer.alloc(0)),
  );
  await once(front.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void front.close());
  const socket = connect({ port: (front.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  expect(String((await once(socket, 'data'))[0])).toContain('501 Not Implemented');
  while ((await promisify(front.getConnections.bind(front))()) > 0) {
    await new Promise(setImmediate);
  }
  socket.destroy();
});

test('a client that ends its half has ended the connection', async () => {
  const { ask } = await open();
  const socket = ask('GET /socket', WEBSOCKET);
  await once(socket, 'data');
  socket.end();
  socket.resume();
  await once(socket, 'close');
});

test('the listener closes its taken connections, too', async () => {
  const { app, ask } = await open();
  const socket = ask('GET /socket', WEBSOCKET);
  await once(socket, 'data');
  const closed = once(socket, 'close');
  await app.close();
  socket.resume();
  await closed;
});
