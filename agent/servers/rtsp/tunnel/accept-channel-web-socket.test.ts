import { expect, test } from 'vitest';
import { channelFront } from '../../../../test/support/cameras/channel-front.ts';
import { Client, front, HELLO, upgrade } from '../../../../test/support/clients/channel-client.ts';

test('a WebSocket is a channel: its frames are read unmasked, pings and the close are answered', async () => {
  await using there = await front();
  await using client = new Client(there);
  client.send(upgrade() + HELLO);
  await client.until(() => client.text.endsWith('\x82\x05HELLO'));
  expect(client.text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  expect(client.text).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
  expect(client.text).toContain('\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n');
  client.send('\x89\x81\0\0\0\0!');
  await client.until(() => client.text.endsWith('\x8a\x01!'));
  client.send('\x88\x80\0\0\0\0');
  await client.until(() => client.hasEnded);
  expect(client.text.endsWith('\x88\x02\x03\xe8')).toBe(true);
  expect(there.channels.map(({ tunnel }) => tunnel)).toEqual(['websocket']);
});

test('a WebSocket whose frames break the rules is closed for it', async () => {
  await using there = await front();
  await using client = new Client(there);
  client.send(`${upgrade()}\x82\x01A`);
  await client.until(() => client.hasEnded);
  expect(client.text.endsWith('\x88\x02\x03\xea')).toBe(true);
});

test('a closed WebSocket whose client does not read belongs to its owner until its connection ends', async () => {
  const ends: unknown[] = [];
  await using there = await channelFront((channel) => {
    channel.sink = { onBytes: () => channel.end(), onEnd: (cause) => ends.push(cause) };
    channel.write(Buffer.alloc(32 << 20));
  });
  await using client = new Client(there);
  client.socket.pause();
  client.send(upgrade() + HELLO);
  await expect.poll(() => there.sockets[0]?.writableEnded).toBe(true);
  expect(ends).toEqual([]);
  there.channels[0]?.channel.destroy();
  await expect.poll(() => ends).toEqual([undefined]);
});

test('a client that closes its WebSocket without reading queued data is disconnected at once', async () => {
  await using there = await channelFront((channel) => {
    channel.sink = { onBytes: () => {}, onEnd: () => {} };
    channel.write(Buffer.alloc(32 << 20));
  });
  await using client = new Client(there);
  client.socket.pause();
  client.send(`${upgrade()}\x88\x80\0\0\0\0`);
  await expect.poll(() => there.sockets[0]?.closed).toBe(true);
});
