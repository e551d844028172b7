import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { type ChannelFront, channelFront } from '../../../../test/support/cameras/channel-front.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { systemClock } from '../../../base/clock.ts';
import type { ByteChannel } from '../../../base/network/socket-channel.ts';

/** A client of the front: what it was sent, as text. */
class Client implements AsyncDisposable {
  readonly socket: Socket;
  text = '';
  hasEnded = false;
  #wake: () => void = () => {};

  constructor(front: ChannelFront, localAddress = '127.0.0.1') {
    this.socket = connect({ port: front.port, host: '127.0.0.1', localAddress, noDelay: true });
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.hasEnded = true;
      this.#wake();
    });
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** Resolves when `condition` holds; checked after each arrival. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (condition()) {
          resolve();
        }
      };
      this.#wake();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.socket.closed) {
      this.socket.destroy();
      await once(this.socket, 'close');
    }
  }
}

/** Echoes everything in capitals. */
function shout(channel: ByteChannel): void {
  channel.sink = {
    onBytes: (chunk, length) =>
      channel.write(Buffer.from(Buffer.from(chunk.subarray(0, length)).toString('latin1').toUpperCase(), 'latin1')),
    onEnd: () => {},
  };
}

const front = (clock: typeof systemClock | FakeClock = systemClock) => channelFront(shout, undefined, clock);

const get = (cookie: string) =>
  `GET /live HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n`;
const post = (cookie: string) =>
  `POST /live HTTP/1.0\r\nX-SessionCookie: ${cookie}\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n`;
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
const answered = (client: Client) => client.until(() => client.text.endsWith('\r\n\r\n'));

test.for(['options', 'GET_PARAMETER x', 'GETX', 'POSTURE', '$\0\0\x04abcd', '\x16\x03\x01'])(
  "a connection starting with '%s' is RTSP, also byte by byte",
  async (text) => {
    await using there = await front();
    await using whole = new Client(there);
    whole.send(text);
    await whole.until(() => whole.text === text.toUpperCase());
    await using slow = new Client(there);
    for (const letter of text) {
      slow.send(letter);
    }
    await slow.until(() => slow.text === text.toUpperCase());
    expect(there.channels.map(({ tunnel }) => tunnel)).toEqual(['none', 'none']);
    expect(there.channels[0]?.channel.remote).toMatch(/^127\.0\.0\.1:\d+$/);
  },
);

test('GET and POST with the same cookie are one channel: answers are plain, requests are base64', async () => {
  await using there = await front();
  await using down = new Client(there);
  down.send(get('abc'));
  await answered(down);
  expect(down.text).toMatch(/^HTTP\/1\.0 200 OK\r\n/);
  expect(down.text).toContain('\r\nContent-Type: application/x-rtsp-tunnelled\r\n');
  await using up = new Client(there);
  up.send(post('abc') + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  up.send(base64('second'));
  await down.until(() => down.text.endsWith('FIRSTSECOND'));
  expect(up.text).toBe('');
  expect(there.channels.map(({ tunnel }) => tunnel)).toEqual(['http']);
});

test('a POST that overtakes its GET waits for it and keeps its data', async () => {
  await using there = await front();
  await using up = new Client(there);
  up.send(post('abc') + base64('early '));
  up.send(base64('bird'));
  // The GET is sent when the POST has surely been read: another connection has been answered since.
  await using other = new Client(there);
  other.send('options');
  await other.until(() => other.text === 'OPTIONS');
  await using down = new Client(there);
  down.send(get('abc'));
  await down.until(() => down.text.endsWith('EARLY BIRD'));
});

test('the halves of a tunnel may have two addresses, if their cookie cannot be guessed, and is the only one', async () => {
  const cookie = '0123456789abcdef';
  await using there = await front();
  await using down = new Client(there);
  down.send(get(cookie));
  await answered(down);
  await using up = new Client(there, '127.0.0.2');
  up.send(post(cookie) + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  up.socket.end();
  await up.until(() => up.hasEnded);
  await using again = new Client(there, '127.0.0.2');
  again.send(post(cookie) + base64('second'));
  await down.until(() => down.text.endsWith('FIRSTSECOND'));

  // Another client with the same cookie has a tunnel of its own.
  await using other = new Client(there, '127.0.0.4');
  other.send(get(cookie));
  await answered(other);
  await using own = new Client(there, '127.0.0.4');
  own.send(post(cookie) + base64('third'));
  await other.until(() => other.text.endsWith('THIRD'));
  expect(there.channels).toHaveLength(2);
  await using stranger = new Client(there, '127.0.0.5');
  stranger.send(post(cookie) + base64('fourth'));

  await using weak = new Client(there);
  weak.send(get('abc'));
  await answered(weak);
  await using guess = new Client(there, '127.0.0.2');
  guess.send(post('abc') + base64('fifth'));
  await using last = new Client(there);
  last.send(post('abc') + base64('sixth'));
  await weak.until(() => weak.text.endsWith('SIXTH'));
  expect([down, other, weak].map(({ text }) => /FOURTH|FIFTH/.test(text))).toEqual([false, false, false]);
});

test('a POST that lasts is not replaced by one from another address that has the same cookie', async () => {
  const cookie = '0123456789abcdef';
  await using there = await front();
  await using down = new Client(there);
  down.send(get(cookie));
  await answered(down);
  await using up = new Client(there, '127.0.0.2');
  up.send(post(cookie) + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  await using stranger = new Client(there, '127.0.0.3');
  stranger.send(post(cookie) + base64('$injected'));
  // The stranger's POST has surely been read: another connection has been answered since.
  await using other = new Client(there);
  other.send('options');
  await other.until(() => other.text === 'OPTIONS');
  up.send(base64('second'));
  await down.until(() => down.text.endsWith('FIRSTSECOND'));
  await using own = new Client(there, '127.0.0.2');
  own.send(post(cookie) + base64('third'));
  await down.until(() => down.text.endsWith('FIRSTSECONDTHIRD'));
});

test.for([
  ['one address', '127.0.0.1'],
  ['two addresses', '127.0.0.2'],
] as const)('a stranger continues no POST that has ended, in a tunnel of %s', async ([, address]) => {
  const cookie = '0123456789abcdef';
  await using there = await front();
  await using down = new Client(there);
  down.send(get(cookie));
  await answered(down);
  await using up = new Client(there, address);
  up.send(post(cookie) + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  up.socket.end();
  await up.until(() => up.hasEnded);
  await using stranger = new Client(there, '127.0.0.3');
  stranger.send(post(cookie) + base64('$injected'));
  await using thief = new Client(there, '127.0.0.4');
  thief.send(get(cookie));
  await answered(thief);
  await using again = new Client(there, address);
  again.send(post(cookie) + base64('second'));
  await down.until(() => down.text.endsWith('SECOND'));
  expect(down.text).toMatch(/\r\n\r\nFIRSTSECOND$/);
  expect(thief.text).not.toMatch(/SECOND/);
});

test('a tunnel ends when its POSTs come from two addresses: one of them is a stranger', async () => {
  const cookie = '0123456789abcdef';
  await using there = await front();
  await using down = new Client(there);
  down.send(get(cookie));
  await answered(down);
  await using stranger = new Client(there, '127.0.0.3');
  stranger.send(post(cookie) + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  await using up = new Client(there);
  up.send(post(cookie) + base64('second'));
  await Promise.all([down, stranger, up].map((client) => client.until(() => client.hasEnded)));
  expect(down.text).not.toContain('SECOND');
  expect(up.text).toContain('HTTP tunnel has a POST from 127.0.0.3 already');
});

test('a POST that overtakes its GET from another address waits for it', async () => {
  await using there = await front();
  await using up = new Client(there, '127.0.0.2');
  up.send(post('0123456789abcdef') + base64('early bird'));
  await using other = new Client(there);
  other.send('options');
  await other.until(() => other.text === 'OPTIONS');
  await using down = new Client(there);
  down.send(get('0123456789abcdef'));
  await down.until(() => down.text.endsWith('EARLY BIRD'));
});

test('a client may end its POST and make another', async () => {
  await using there = await front();
  await using down = new Client(there);
  down.send(get('abc'));
  await answered(down);
  await using up = new Client(there);
  up.send(post('abc') + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  up.socket.end();
  await up.until(() => up.hasEnded);
  await using again = new Client(there);
  again.send(post('abc') + base64('second'));
  await down.until(() => down.text.endsWith('FIRSTSECOND'));
  expect(there.channels).toHaveLength(1);
});

/** A WebSocket's message of a client, masked with zeros. */
const masked = (text: string) => `\x82${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`;

test.for([
  ['a plain connection', '', (text: string) => text],
  ['an HTTP tunnel', 'http', base64],
  ['a WebSocket', 'websocket', masked],
] as const)('bytes sent into %s while it is paused arrive after resume, and then its end', async ([, kind, wrap]) => {
  const received: string[] = [];
  let onTold = () => {};
  await using there = await channelFront((channel) => {
    channel.sink = {
      onBytes: (chunk, length) => {
        received.push(Buffer.from(chunk.subarray(0, length)).toString('latin1'));
        onTold();
      },
      onEnd: () => {
        received.push('end');
        onTold();
      },
    };
  });
  const hear = (count: number) =>
    new Promise<void>((resolve) => {
      onTold = () => received.length >= count && resolve();
      onTold();
    });
  await using down = new Client(there);
  await using up = new Client(there);
  const speaker = kind === 'http' ? up : down;
  if (kind === 'http') {
    down.send(get('abc'));
    await answered(down);
    up.send(post('abc'));
  } else if (kind === 'websocket') {
    down.send(upgrade());
    await answered(down);
  }
  speaker.send(wrap('one'));
  await hear(1);
  const channel = there.channels[0]?.channel as ByteChannel;
  channel.pause();
  speaker.send(wrap('two'));
  speaker.socket.end();
  if (kind === 'http') {
    down.socket.end();
  }
  // Another connection to the same server has ended meanwhile.
  await using witness = new Client(there);
  witness.send(kind === 'http' ? 'OPTIONS' : 'GETX');
  await hear(2);
  expect(received).toEqual(['one', kind === 'http' ? 'OPTIONS' : 'GETX']);
  channel.resume();
  await hear(4);
  expect(received.slice(2)).toEqual(['two', 'end']);
});

test('a tunnel ends with its GET and closes its POST', async () => {
  await using there = await front();
  const down = new Client(there);
  down.send(get('abc'));
  await answered(down);
  await using up = new Client(there);
  up.send(post('abc') + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  await down[Symbol.asyncDispose]();
  await up.until(() => up.hasEnded);
});

test('invalid base64 ends the tunnel', async () => {
  await using there = await front();
  await using down = new Client(there);
  down.send(get('abc'));
  await answered(down);
  await using up = new Client(there);
  const causes: unknown[] = [];
  up.send(post('abc'));
  await expect.poll(() => there.channels.length).toBe(1);
  const channel = there.channels[0]?.channel as ByteChannel;
  channel.sink = { onBytes: () => {}, onEnd: (cause) => causes.push(cause) };
  up.send('OPTIONS * RTSP/1.0');
  await down.until(() => down.hasEnded);
  expect(String(causes[0])).toBe('PerchError: HTTP tunnel data is invalid');
});

test('a cookie in use is rejected', async () => {
  await using there = await front();
  await using down = new Client(there);
  down.send(get('abc'));
  await answered(down);
  await using up = new Client(there);
  up.send(post('abc') + base64('first'));
  await down.until(() => down.text.endsWith('FIRST'));
  await using thief = new Client(there);
  thief.send(get('abc'));
  await thief.until(() => thief.hasEnded);
  expect(thief.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*HTTP tunnel reuses another one's cookie\n$/);
});

const upgrade = (fields: Record<string, string> = {}) =>
  `GET /any HTTP/1.1\r\n${Object.entries({
    Host: 'perch',
    Upgrade: 'websocket',
    Connection: 'keep-alive, Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'rtsp.onvif.org',
    ...fields,
  })
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n')}\r\n\r\n`;
/** RFC 6455 §5.7: "Hello", masked. */
const HELLO = String.fromCharCode(...hex('82 85 37fa213d 7f9f4d5158'));

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
