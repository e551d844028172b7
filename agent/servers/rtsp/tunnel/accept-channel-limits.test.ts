import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import {
  answered,
  base64,
  Client,
  front,
  get,
  HELLO,
  post,
  upgrade,
} from '../../../../test/support/clients/channel-client.ts';

test.for([
  ['no tunnel', 'GET / HTTP/1.1\r\nHost: perch\r\n\r\n', 'HTTP GET is not a tunnel: this port is for RTSP'],
  ['a form', 'POST / HTTP/1.1\r\nx-sessioncookie: a\r\nContent-Type: text/plain\r\n\r\n', 'HTTP POST is not a tunnel'],
  ['no HTTP', 'GET nonsense\r\n\r\n', "'GET nonsense' is not the first line of an HTTP message"],
  ['a long cookie', get('x'.repeat(257)), 'x-sessioncookie of 257 bytes, the limit is 256'],
  ['an old WebSocket', upgrade({ 'Sec-WebSocket-Version': '8' }), "WebSocket of version '8', expected 13"],
  ['no key', upgrade({ 'Sec-WebSocket-Key': 'abc' }), 'WebSocket without a key of 16 bytes'],
  ['another protocol', upgrade({ 'Sec-WebSocket-Protocol': 'chat' }), 'WebSocket without the protocol rtsp.onvif.org'],
  ['a page of elsewhere', upgrade({ Origin: 'https://evil.example' }), 'tunnel from the web page https://evil.example'],
  [
    'a proxy in between',
    upgrade({ 'X-Forwarded-For': '192.0.2.1' }),
    "tunnel through a proxy: the client's address is unknown",
  ],
  ['no upgrade', upgrade({ Connection: 'close' }), 'WebSocket without Connection: Upgrade'],
  ['a head without end', `GET / HTTP/1.0\r\n${'X: y\r\n'.repeat(4_000)}`, 'HTTP head of more than 16384 bytes'],
] as const)('%s is answered with 400 and the reason', async ([, request, reason]) => {
  await using there = await front();
  await using client = new Client(there);
  client.send(request);
  await client.until(() => client.hasEnded);
  expect(client.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(client.text).toContain(reason);
  expect(there.channels).toHaveLength(0);
});

test.for([
  ['nothing', ''],
  ['half a method', 'GE'],
  ['half a head', 'GET / HTTP/1.0\r\n'],
  ['half a tunnel', get('abc')],
  ['the other half of a tunnel', post('abc')],
] as const)('a client that says %s is dropped in time', async ([, said]) => {
  const clock = new FakeClock();
  await using there = await front(clock);
  await using client = new Client(there);
  client.send(said);
  await expect.poll(() => there.sockets[0]?.bytesRead).toBe(said.length);
  await clock.advance(9_000);
  expect(client.hasEnded).toBe(false);
  await clock.advance(2_000);
  await client.until(() => client.hasEnded);
});

test('the number of silent connections of one address is limited', async () => {
  await using there = await front();
  await using stack = new AsyncDisposableStack();
  const clients = Array.from({ length: 130 }, () => stack.use(new Client(there)));
  await expect.poll(() => clients.filter((client) => client.hasEnded).length).toBe(2);
  const talker = clients.find((client) => !client.hasEnded) as Client;
  talker.send('options');
  await talker.until(() => talker.text === 'OPTIONS');
  await using late = new Client(there);
  late.send('describe');
  await late.until(() => late.text === 'DESCRIBE');
});

test('the number of waiting tunnel halves of one address is limited; a repeated half replaces its predecessor', async () => {
  await using there = await front();
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < 32; i += 1) {
    const half = stack.use(new Client(there));
    half.send(get(`cookie${i}`));
    await answered(half);
  }
  await using late = new Client(there);
  late.send(get('late'));
  await late.until(() => late.hasEnded);
  expect(late.text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*32 HTTP tunnels of this address wait/);
  await using again = new Client(there);
  again.send(get('cookie7'));
  await answered(again);
  expect(again.text).toMatch(/^HTTP\/1\.0 200 OK\r\n/);
});

test('a POST that brings too much before its GET is dropped', async () => {
  await using there = await front();
  await using up = new Client(there);
  up.send(post('abc') + base64('x'.repeat(20_000)));
  await up.until(() => up.hasEnded);
});

test('damaged beginnings end or become channels, without harm', async () => {
  const next = random(76);
  await using there = await front();
  const seeds = [get('a'), post('a'), `${upgrade()}${HELLO}`].map((text) => Buffer.from(text, 'latin1'));
  for (let round = 0; round < 300; round += 1) {
    await using client = new Client(there);
    await once(client.socket, 'connect');
    client.socket.end(mutate(seeds[round % 3] as Buffer, next));
    await client.until(() => client.hasEnded);
  }
  await using last = new Client(there);
  last.send('options');
  await last.until(() => last.text === 'OPTIONS');
});
