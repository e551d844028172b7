import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { limitConnections } from './connection-limit.ts';

async function open(isExempt: (ip: string) => boolean) {
  const server = createServer();
  const logged: unknown[] = [];
  limitConnections(server, { warn: (facts: object, message: string) => logged.push([message, facts]) }, 3, isExempt);
  server.on('connection', (socket) => socket.destroyed || socket.write('welcome'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  /** What happens first. */
  const come = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    socket.on('error', () => {});
    return Promise.race([once(socket, 'data').then(() => 'welcome'), once(socket, 'close').then(() => 'closed')]);
  };
  return { sockets, come, logged, server };
}

test('the connections of one address are limited; others have theirs, and a closed one makes room', async () => {
  const { sockets, come } = await open(() => false);
  expect([await come('127.0.0.1'), await come('127.0.0.1'), await come('127.0.0.1')]).toEqual(Array(3).fill('welcome'));
  expect([await come('127.0.0.1'), await come('127.0.0.2')]).toEqual(['closed', 'welcome']);
  sockets[0]?.destroy();
  await expect.poll(() => come('127.0.0.1')).toBe('welcome');
});

test('an address above the limit is logged once, and again after it was far below', async () => {
  const { sockets, come, logged } = await open(() => false);
  for (let i = 0; i < 6; i += 1) {
    await come('127.0.0.1');
  }
  expect(logged).toEqual([
    ['too many connections from one address: closing further ones', { ip: '127.0.0.1', limit: 3 }],
  ]);
  for (const socket of sockets) {
    socket.destroy();
  }
  await expect.poll(() => come('127.0.0.1')).toBe('welcome');
  await expect.poll(async () => come('127.0.0.1').then(() => logged.length)).toBe(2);
});

test('a full listener is logged once', async () => {
  const { come, logged, server } = await open(() => true);
  server.maxConnections = 2;
  for (let i = 0; i < 5; i += 1) {
    await come('127.0.0.1');
  }
  expect(logged).toEqual([['too many connections: rejecting new ones until some close', { limit: 2 }]]);
});

test('a proxy on this machine is not limited', async () => {
  const { come } = await open((ip) => ip === '127.0.0.1');
  const answers = await Promise.all(Array.from({ length: 10 }, () => come('127.0.0.1')));
  expect(answers).toEqual(Array(10).fill('welcome'));
});
