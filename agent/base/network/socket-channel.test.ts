import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { SocketChannel } from './socket-channel.ts';

test.for([
  ['::ffff:192.0.2.9', '192.0.2.9:4000'],
  ['192.0.2.9', '192.0.2.9:4000'],
  ['2001:db8::1', '[2001:db8::1]:4000'],
  ['fe80::1%eth0', '[fe80::1]:4000'],
] as const)('a peer at %s is shown as %s, on sockets of either family', ([remoteAddress, shown]) => {
  const socket = Object.defineProperties(new Socket(), {
    remoteAddress: { value: remoteAddress },
    remotePort: { value: 4_000 },
  });
  expect(new SocketChannel(socket).remote).toBe(shown);
});

test('a pending connection has its target address', () => {
  expect(new SocketChannel(new Socket(), 'camera:554').remote).toBe('camera:554');
});

test('an accepted connection has its local address, in the same form', () => {
  const socket = Object.defineProperties(new Socket(), {
    localAddress: { value: '::ffff:192.0.2.1' },
    localPort: { value: 8_554 },
  });
  expect(new SocketChannel(socket).local).toBe('192.0.2.1:8554');
  expect(new SocketChannel(new Socket()).local).toBeUndefined();
});
