import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { limitHttp2Times } from './secure-server.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/tls');
const LONG_MS = 3_600_000;

/** A server that answers complete requests, and `/wait` never. */
async function open({
  requestTimeoutMs,
  keepAliveMs,
}: {
  requestTimeoutMs: number;
  keepAliveMs: number;
}): Promise<number> {
  const [key, cert] = [readFileSync(join(FIXTURES, 'server.key')), readFileSync(join(FIXTURES, 'server.crt'))];
  const server = createSecureServer({ key, cert });
  limitHttp2Times(server, { requestTimeoutMs: () => requestTimeoutMs, keepAliveMs });
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':path'] !== '/wait') {
      const body = await text(stream).catch(() => undefined);
      if (body !== undefined && !stream.destroyed) {
        stream.end(`${body.length}`);
      }
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function session(port: number) {
  const opened = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  opened.on('error', () => {});
  onTestFinished(() => opened.destroy());
  return opened;
}

test('slow-loris over HTTP/2: a body that does not complete loses its request, and others continue', async () => {
  const port = await open({ requestTimeoutMs: 100, keepAliveMs: LONG_MS });
  const all = session(port);
  const slow = all.request({ ':method': 'POST' });
  slow.on('error', () => {});
  slow.write('{');
  await once(slow, 'close');
  const whole = all.request({ ':method': 'POST' });
  whole.end('12345');
  expect(await text(whole)).toBe('5');
});

test('slow-loris over HTTP/2: an idle client loses the connection', async () => {
  const port = await open({ requestTimeoutMs: LONG_MS, keepAliveMs: 100 });
  const silent = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  silent.on('error', () => {});
  silent.resume();
  const asking = session(port);
  const request = asking.request({ ':method': 'POST' });
  request.end('12345');
  expect(await text(request)).toBe('5');
  await Promise.all([once(silent, 'close'), once(asking, 'close')]);
});

test('a client that waits for a reply keeps the connection, however long', async () => {
  const port = await open({ requestTimeoutMs: 50, keepAliveMs: 50 });
  const waiting = session(port);
  const request = waiting.request({ ':path': '/wait' });
  request.on('error', () => {});
  await once(waiting, 'connect');
  // Idle connections are closed meanwhile, two in turn.
  for (let i = 0; i < 2; i += 1) {
    await once(session(port), 'close');
  }
  expect([waiting.destroyed, request.destroyed]).toEqual([false, false]);
});
