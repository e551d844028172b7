import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { openLinkPair } from '../../../../test/features/away/support/link-pair.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { ServerEnd, serveBoxEnd } from './link-session.ts';

const PICTURE_BYTES = 300_000;

/** A link whose box answers by HTTP/1.1: `/echo` the body, `/endless` until it is closed, `/heavy` 4 MB at once, `/upgrade` by echoing bytes. */
async function openServed(clock = new FakeClock()) {
  const pair = await openLinkPair();
  let sentBytes = 0;
  const http = createServer((asked, answer) => {
    if (asked.url === '/endless') {
      const picture = Buffer.alloc(PICTURE_BYTES, 7);
      const more = (): void => {
        while (!answer.destroyed) {
          sentBytes += PICTURE_BYTES;
          if (!answer.write(picture)) {
            answer.once('drain', more);
            return;
          }
        }
      };
      more();
    } else if (asked.url === '/heavy') {
      answer.end(Buffer.alloc(4 << 20, 1));
    } else {
      asked.pipe(answer);
    }
  });
  http.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.pipe(socket);
  });
  serveBoxEnd(pair.box, clock, (socket) => http.emit('connection', socket));
  const end = new ServerEnd(pair.server, clock);
  onTestFinished(() => pair[Symbol.asyncDispose]());
  const ask = (path: string, body?: string | Buffer, headers = {}, isLive = false) => {
    const outgoing = request({
      createConnection: () => end.open(isLive),
      path,
      method: body ? 'POST' : 'GET',
      headers,
    });
    outgoing.end(body);
    return outgoing;
  };
  return { ...pair, clock, end, ask, sentBytes: () => sentBytes };
}

const answerTo = async (outgoing: ReturnType<typeof request>): Promise<IncomingMessage> =>
  ((await once(outgoing, 'response')) as [IncomingMessage])[0];

test('requests with bodies pass through a link, at the same time, unchanged', async () => {
  const { ask } = await openServed();
  const bodies = Array.from({ length: 20 }, (_, i) => Buffer.alloc(200_000, i));
  const answers = await Promise.all(bodies.map(async (body) => buffer(await answerTo(ask('/echo', body)))));
  expect(answers.every((answer, i) => answer.equals(bodies[i] as Buffer))).toBe(true);
});

test('a connection within a link becomes another protocol, as RTSP does', async () => {
  const { ask } = await openServed();
  const outgoing = ask('/upgrade', undefined, { Connection: 'Upgrade', Upgrade: 'websocket' });
  const [, socket] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket];
  socket.write('DESCRIBE');
  expect(String((await once(socket, 'data'))[0])).toBe('DESCRIBE');
  socket.destroy();
});

test('streams take turns: one that has megabytes queued does not go before the others', async () => {
  const { ask } = await openServed();
  const body = Buffer.alloc(4 << 20, 1);
  const [first, second] = await Promise.all([answerTo(ask('/heavy')), answerTo(ask('/heavy'))]);
  let seen = 0;
  second.on('data', (chunk: Buffer) => {
    seen += chunk.length;
  });
  expect((await buffer(first)).length).toBe(body.length);
  expect(seen).toBeGreaterThan(body.length / 2);
  await expect.poll(() => seen).toBe(body.length);
});

const countBytes = (answer: IncomingMessage): (() => number) => {
  let seen = 0;
  answer.on('data', (chunk: Buffer) => {
    seen += chunk.length;
  });
  return () => seen;
};

test('live pictures go before downloads that have megabytes queued', async () => {
  const { ask } = await openServed();
  const body = Buffer.alloc(4 << 20, 1);
  const downloads = await Promise.all(Array.from({ length: 6 }, () => answerTo(ask('/heavy'))));
  const live = await answerTo(ask('/heavy', undefined, {}, true));
  const counts = downloads.map(countBytes);
  const seen = () => counts.reduce((sum, count) => sum + count(), 0);
  expect((await buffer(live)).length).toBe(body.length);
  // In turn, it would be six times as much.
  expect(seen()).toBeLessThan(3 * body.length);
  await expect.poll(seen).toBe(6 * body.length);
});

test('live pictures that fill the link leave something for downloads', async () => {
  const { ask, clock } = await openServed();
  const live = await answerTo(ask('/endless', undefined, {}, true));
  const pictures = countBytes(live);
  const downloads = await Promise.all([answerTo(ask('/heavy')), answerTo(ask('/heavy'))]);
  const counts = downloads.map(countBytes);
  const least = () => Math.min(...counts.map((count) => count()));
  await expect
    .poll(async () => {
      const before = pictures();
      await clock.advance(250);
      await expect.poll(pictures).toBeGreaterThan(before);
      return least();
    })
    .toBe(4 << 20);
  live.destroy();
});

test('an idle link has no pings but those which show that it lives', async () => {
  const { box, clock, ask } = await openServed();
  await text(await answerTo(ask('/echo', 'a')));
  await clock.advance(1_000);
  const before = box.receivedBytes;
  for (let i = 0; i < 3; i += 1) {
    await clock.advance(1_000);
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(box.receivedBytes).toBe(before);
});

test('a reader that stops holds back its own stream and no other', async () => {
  const { ask, sentBytes } = await openServed();
  const stopped = await answerTo(ask('/endless'));
  stopped.pause();
  await expect
    .poll(async () => {
      const before = sentBytes();
      await text(await answerTo(ask('/echo', 'still here')));
      return sentBytes() - before;
    })
    .toBe(0);
  // The windows of the stream and what both ends buffer: none of it grows with time.
  expect(sentBytes()).toBeLessThan(4 << 20);
  expect(await text(await answerTo(ask('/echo', 'and again')))).toBe('and again');
  stopped.destroy();
});

test('a link over which nothing arrives ends within 15 s, and one that answers pings stays', async () => {
  const { box, server, boxSocket, clock, ask } = await openServed();
  await text(await answerTo(ask('/echo', 'a')));
  for (let i = 0; i < 6; i += 1) {
    const before = [box.receivedBytes, server.receivedBytes];
    await clock.advance(5_000);
    await expect.poll(() => box.receivedBytes > (before[0] ?? 0) && server.receivedBytes > (before[1] ?? 0)).toBe(true);
  }
  expect([box.destroyed, server.destroyed]).toEqual([false, false]);
  // The box does not read any more, as if its network were gone.
  boxSocket.pause();
  const waiting = once(ask('/echo', 'b'), 'error');
  await clock.advance(5_000);
  await clock.advance(5_000);
  await clock.advance(5_000);
  expect([box.destroyed, server.destroyed]).toEqual([true, true]);
  await waiting;
});

test('a browser that opens and leaves a thousand recordings does not end the link of all viewers', async () => {
  const { ask, end, server } = await openServed();
  for (let i = 0; i < 1_200; i += 1) {
    const socket = end.open();
    socket.write('POST /echo HTTP/1.1\r\nHost: box\r\nContent-Length: 1\r\n\r\na');
    await once(socket, 'data');
    socket.destroy();
  }
  expect(await text(await answerTo(ask('/echo', 'still here')))).toBe('still here');
  expect(server.destroyed).toBe(false);
});
