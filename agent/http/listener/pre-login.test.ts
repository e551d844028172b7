import { once } from 'node:events';
import { request as ask, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as askByTls } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { CONNECTION_BYTES, PreLoginMemory, TLS_CONNECTION_BYTES } from '../../base/network/pre-login-memory.ts';
import { createHttpApp } from './app.ts';
import { letIn } from './pre-login.ts';

const KIB = 1024;
const PROTOCOLS = ['HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2'] as const;
const LAX = { rejectUnauthorized: false } as const;
const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) {
    await app.close();
  }
});

/** Both main ports. `/open` needs no login, `/known` accepts any name, `/read` admits everyone. */
async function boxOf(limitBytes?: number) {
  const memory = new PreLoginMemory(systemClock, silentLogger, limitBytes);
  const app = createHttpApp({ log: silentLogger });
  apps.push(app);
  const sizeOf = ({ body }: { body: unknown }) => ({ size: JSON.stringify(body ?? '').length });
  app.post('/open', sizeOf);
  app.post('/large', { config: { preLoginBodyBytes: 8 * KIB } }, sizeOf);
  const rejects = async () => {
    throw new PerchError('unauthorized', 'log in first');
  };
  app.post('/closed', { onRequest: rejects }, sizeOf);
  app.get('/stream', () => new Promise(() => {}));
  app.post('/known', { onRequest: async (request) => letIn(request, true) }, sizeOf);
  app.post('/read', { onRequest: async (request) => letIn(request, false) }, sizeOf);
  const options = { preLogin: memory, readTimeoutMs: 60_000 };
  const { port } = await listenLocally(app, options);
  const { port: tlsPort } = await listenLocally(app, { ...options, tls: certificate('camera') });
  return { memory, port, tlsPort };
}
type Box = Awaited<ReturnType<typeof boxOf>>;

const bodyOf = (bytes: number): string => `{"text":"${'x'.repeat(bytes - 11)}"}`;
const post = (port: number, path: string, body: string) =>
  fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });

/** Sends a body, with its length or without. @returns the status of the answer */
async function send(
  protocol: (typeof PROTOCOLS)[number],
  { port, tlsPort }: Box,
  path: string,
  bytes: number,
  isTold = true,
): Promise<number | undefined> {
  const headers = { 'content-type': 'application/json', ...(isTold && { 'content-length': bytes }) };
  if (protocol === 'HTTP/2') {
    const session = connectHttp2(`https://127.0.0.1:${tlsPort}`, LAX);
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    stream.end(bodyOf(bytes));
    const [answer] = await once(stream, 'response');
    session.destroy();
    return answer[':status'];
  }
  const where = { host: '127.0.0.1', path, method: 'POST', agent: false, ...LAX } as const;
  const fields = isTold ? headers : { ...headers, 'transfer-encoding': 'chunked' };
  const request =
    protocol === 'HTTP/1.1'
      ? ask({ ...where, headers: fields, port })
      : askByTls({ ...where, headers: fields, port: tlsPort });
  request.end(bodyOf(bytes));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

const open = (port: number, text: string) => opened(connect(port, '127.0.0.1'), 'connect', text);
const openByTls = ({ tlsPort: port }: Box, text: string) =>
  opened(connectTls({ port, host: '127.0.0.1', ...LAX }), 'secureConnect', text);
async function opened(socket: Socket, event: string, text: string) {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.resume();
  await once(socket, event);
  socket.write(text);
  return { write: () => void socket.write('x'), socket, closed };
}

/** @param path of a request with an unfinished body; undefined: no request */
async function openHttp2({ tlsPort }: Box, path?: string) {
  const session = connectHttp2(`https://127.0.0.1:${tlsPort}`, LAX);
  const closed = new Promise((resolve) => session.once('close', resolve));
  session.on('error', () => {});
  await once(session, 'connect');
  const stream =
    path === undefined
      ? undefined
      : session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' });
  stream?.on('error', () => {}).write('{');
  return { write: () => void (stream?.destroyed === false && stream.write('x')), socket: session, closed };
}
const headOf = (path: string, bytes: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;

test.for(PROTOCOLS)('by %s a body is limited until its client is authorized, whatever the route', async (by) => {
  const box = await boxOf();
  const status = (path: string, bytes: number) => send(by, box, path, bytes);
  expect([await status('/open', 4 * KIB), await status('/open', 4 * KIB + 1)]).toEqual([200, 413]);
  expect([await status('/large', 8 * KIB), await status('/large', 8 * KIB + 1)]).toEqual([200, 413]);
  expect(await status('/nothing', 5 * KIB)).toBe(413);
  expect([await status('/known', 100 * KIB), await status('/read', 100 * KIB)]).toEqual([200, 200]);
});

test.for([
  ['with its length', `Content-Length: ${64 << 20}\r\n\r\n`, 'x'.repeat(KIB * KIB)],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', `100000\r\n${'x'.repeat(KIB * KIB)}\r\n`],
] as const)('the body of a request that is rejected unread is dropped up to 2 MiB, %s', async ([, field, part]) => {
  const { port } = await boxOf();
  const type = 'Content-Type: application/json';
  const { socket, closed } = await open(port, `POST /closed HTTP/1.1\r\nHost: box\r\n${type}\r\n${field}`);
  let answer = '';
  socket.on('data', (text) => {
    answer += text;
  });
  let taken = 0;
  const send = () => {
    if (taken < 64 && !socket.destroyed) {
      socket.write(part, () => {
        taken += 1;
        send();
      });
    }
  };
  send();
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 401 .*"error":"log in first"/s);
  // With what the sockets of both ends hold.
  expect(taken).toBeLessThan(32);
});

test.for(PROTOCOLS)('by %s a body without a length is limited, too', async (by) => {
  const box = await boxOf();
  const status = (path: string, bytes: number) => send(by, box, path, bytes, false);
  expect([await status('/open', 4 * KIB), await status('/open', 5 * KIB)]).toEqual([200, 413]);
  expect(await status('/known', 50 * KIB)).toBe(200);
});

test('incoming bodies and heads count, and those of authorized clients do not', async () => {
  const { memory, port } = await boxOf();
  const idle = await open(port, '');
  await expect.poll(() => memory.bytes).toBe(CONNECTION_BYTES);
  const body = await open(port, headOf('/open', 3 * KIB));
  await expect.poll(() => memory.bytes).toBeGreaterThan(2 * CONNECTION_BYTES + 3 * KIB);
  const withBody = memory.bytes;
  const head = await open(port, `GET / HTTP/1.1\r\nX: ${'x'.repeat(10 * KIB)}`);
  await expect.poll(() => memory.bytes).toBeGreaterThan(withBody + CONNECTION_BYTES + 10 * KIB);
  const known = await open(port, headOf('/known', 50 * KIB));
  const read = await open(port, headOf('/read', 50 * KIB));
  body.socket.destroy();
  head.socket.destroy();
  await expect.poll(() => memory.bytes).toBe(CONNECTION_BYTES);
  for (const { socket } of [idle, known, read]) {
    socket.destroy();
  }
  await expect.poll(() => memory.bytes).toBe(0);
});

test('both ports count towards one budget, TLS with its cost', async () => {
  const box = await boxOf(TLS_CONNECTION_BYTES + 20 * CONNECTION_BYTES);
  const { memory, port } = box;
  const secure = await openByTls(box, '');
  await expect.poll(() => memory.bytes).toBeGreaterThan(TLS_CONNECTION_BYTES);
  const flood = await Promise.all(Array.from({ length: 30 }, () => open(port, '')));
  await secure.closed;
  expect(memory.bytes).toBeLessThanOrEqual(TLS_CONNECTION_BYTES + 20 * CONNECTION_BYTES);
  const others = await Promise.all([openByTls(box, headOf('/open', 3 * KIB)), openHttp2(box, '/open')]);
  await Promise.all(flood.slice(0, 10).map(({ closed }) => closed));
  expect(await send('HTTP/2', box, '/known', 100 * KIB)).toBe(200);
  for (const { socket } of [...flood, ...others]) {
    socket.destroy();
  }
  await expect.poll(() => memory.bytes).toBe(0);
});

test('when the budget is used up the oldest are closed, and a new client is answered', async () => {
  const { memory, port } = await boxOf(20 * CONNECTION_BYTES);
  const flood = await Promise.all(Array.from({ length: 60 }, () => open(port, headOf('/open', 4 * KIB))));
  await Promise.all(flood.slice(0, 40).map(({ closed }) => closed));
  expect(memory.bytes).toBeLessThanOrEqual(20 * CONNECTION_BYTES);
  expect((await post(port, '/open', '{}')).status).toBe(200);
  for (const { socket } of flood) {
    socket.destroy();
  }
});

test('a slow request loses the connection, except for an authorized client', async () => {
  const box = await boxOf();
  const { port, tlsPort } = box;
  const body = `${headOf('/known', 100)}{`;
  const known = await Promise.all([open(port, body), openByTls(box, body), openHttp2(box, '/known')]);
  const ended = known.map(({ closed }) => closed.then(() => 'closed'));
  const beganMs = performance.now();
  // With a TLS connection that makes no handshake.
  const silent = [open(port, ''), open(tlsPort, ''), openByTls(box, ''), openHttp2(box)];
  const texts = ['POST /open HTTP/1.1\r\nX: ', `${headOf('/open', 100)}{`];
  const begun = texts.flatMap((text) => [open(port, text), openByTls(box, text)]);
  const dripping = await Promise.all([...begun, openHttp2(box, '/open')]);
  const slow = [...dripping, ...(await Promise.all(silent))].map(({ closed }) => closed);
  const drip = setInterval(() => {
    for (const { write } of dripping) {
      write();
    }
  }, 200);
  await Promise.race(slow);
  expect(performance.now() - beganMs).toBeGreaterThan(4_000);
  await Promise.all(slow);
  clearInterval(drip);
  expect(await Promise.race([...ended, 'open'])).toBe('open');
  for (const { socket } of known) {
    socket.destroy();
  }
});

test.for([
  ['requests without a body whose answers take long', 'GET /stream HTTP/1.1\r\nHost: box\r\n\r\n'],
  ['let-in requests with an unfinished body', headOf('/known', 100)],
] as const)('%s delay no other connection', async ([, request]) => {
  const box = await boxOf();
  /** Sends 400 requests over as many connections, then one over another. @returns how long it took, in ms */
  const afterMany = async (text: string): Promise<number> => {
    const sinceMs = performance.now();
    const streams = await Promise.all(Array.from({ length: 400 }, () => open(box.port, text)));
    expect(await send('HTTP/1.1', box, '/open', 20)).toBe(200);
    const tookMs = performance.now() - sinceMs;
    for (const { socket } of streams) {
      socket.destroy();
    }
    return tookMs;
  };
  const answeredMs = await afterMany('GET /nothing HTTP/1.1\r\nHost: box\r\n\r\n');
  // A queue that waits 50 ms for eight of them takes 2.5 s more.
  expect((await afterMany(request)) - answeredMs).toBeLessThan(1_250);
});
