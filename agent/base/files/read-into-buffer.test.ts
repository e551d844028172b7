import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { readIntoBuffer } from '../../transports/tcp/listener.ts';
import { SocketChannel } from '../network/socket-channel.ts';

/** A server whose connections are read into the buffer. */
async function accepting() {
  const buffers = new Set<ArrayBufferLike>();
  const heard: string[] = [];
  const sockets: Socket[] = [];
  const channels: SocketChannel[] = [];
  let emitted = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    const channel = new SocketChannel(socket);
    channels.push(channel);
    const index = heard.push('') - 1;
    channel.sink = {
      onBytes: (chunk, length) => {
        buffers.add(chunk.buffer);
        heard[index] += Buffer.from(chunk.subarray(0, length)).toString('latin1');
      },
      onEnd: () => {
        heard[index] += ' end';
      },
    };
    expect(readIntoBuffer(socket, (chunk, length) => channel.receive(chunk, length))).toBe(true);
    socket.on('data', () => {
      emitted += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  return {
    ...{ buffers, heard, channels, client },
    emitted: () => emitted,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}

test('all reads of all connections go into one buffer, past the streams', async () => {
  await using there = await accepting();
  const [one, two] = [await there.client(), await there.client()];
  const long = 'x'.repeat(300_000);
  one.write('first ');
  two.write('second');
  await expect.poll(() => there.heard).toEqual(['first ', 'second']);
  one.end(long);
  await expect.poll(() => there.heard).toEqual([`first ${long} end`, 'second']);
  expect(there.buffers.size).toBe(1);
  expect(there.emitted()).toBe(0);
});

test('a paused connection is not read, and continues with what was sent meanwhile', async () => {
  await using there = await accepting();
  const [one, two] = [await there.client(), await there.client()];
  one.write('a');
  await expect.poll(() => there.heard[0]).toBe('a');
  there.channels[0]?.pause();
  one.end('b');
  two.write('other');
  await expect.poll(() => there.heard[1]).toBe('other');
  expect(there.heard[0]).toBe('a');
  there.channels[0]?.resume();
  await expect.poll(() => there.heard[0]).toBe('ab end');
});

test('a socket without a handle of Node emits data as before', async () => {
  await using there = await accepting();
  const socket = await there.client();
  socket.destroy();
  expect(readIntoBuffer(socket, () => {})).toBe(false);
});
