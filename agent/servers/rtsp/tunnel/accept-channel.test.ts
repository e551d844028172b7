import { expect, test } from 'vitest';
import { channelFront } from '../../../../test/support/cameras/channel-front.ts';
import {
  answered,
  base64,
  Client,
  front,
  get,
  post,
  upgrade,
} from '../../../../test/support/clients/channel-client.ts';
import type { ByteChannel } from '../../../base/network/socket-channel.ts';

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
