import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { freePort } from '../../../../test/support/base/free-port.ts';
import type { ListRow } from '../../../base/files/document-carrier.ts';
import { silentLogger } from '../../../base/log.ts';
import { IpList } from '../../../base/network/ip-address.ts';
import { originOf, type RequestOrigin } from '../../../http/auth/request-origin.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { pinOf } from '../../../tls/pin.ts';
import { FleetReplicas } from './replicas.ts';
import type { Replica } from './roster.ts';
import { holderIn, STAMP_HEADER, writeSecret, writeStamp } from './stamp.ts';

const TLS = join(import.meta.dirname, '../../../../test/fixtures/tls');
const PAIR = { key: readFileSync(join(TLS, 'server.key')), cert: readFileSync(join(TLS, 'server.crt')) };
const TARGET = '/hls/cam/video1_stream.m3u8';
const originFrom = (ip: string, host = 'fleet.example.org'): RequestOrigin =>
  originOf({ host }, ip, true, new IpList([]));
const ORIGIN = originFrom('203.0.113.7');
const PIN = pinOf(PAIR.cert, undefined);
const DAY_MS = 86_400_000;

/** Rows of all servers. */
class Rows {
  readonly #rows = new Map<string, ListRow>();

  async putRows(_: string, rows: readonly ListRow[]): Promise<void> {
    for (const row of rows) {
      this.#rows.set(row.id, row);
    }
  }

  async readRows(): Promise<readonly unknown[]> {
    return [...this.#rows.values()].map(({ json }) => JSON.parse(json) as unknown);
  }

  async removeRows(_: string, beforeMs: number): Promise<void> {
    for (const { id, atMs } of [...this.#rows.values()]) {
      if (atMs < beforeMs) {
        this.#rows.delete(id);
      }
    }
  }
}

/** A server of the fleet, whose HLS route has none of the sessions. */
async function open({ rows = new Rows(), address = '127.0.0.1:1', clock = new FakeClock() } = {}) {
  const servers = new FleetReplicas({
    database: rows,
    address: () => address,
    pin: () => PIN,
    clock,
    log: silentLogger,
  });
  onTestFinished(() => servers.close());
  await servers.announce();
  /** What the route knows of a request, by a field that names it. */
  const asked: Facts[] = [];
  const askedBy = ({ raw: { headers } }: Pick<FastifyRequest, 'raw'>) => asked[Number(headers['x-asked'])] as Facts;
  const replicas = servers.at({ origin: (request) => askedBy(request).origin });
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  servers.receive(app);
  app.all('/*', async (request, reply) => {
    const { secrets, path } = askedBy(request);
    const answer = await replicas.answer({ request, reply, path, secrets, target: request.url });
    return answer === 'answered' ? reply : { answer: answer ?? 'none' };
  });
  /** @returns status, and the body as JSON if it is */
  const ask = async (
    secrets: readonly string[],
    { headers = {}, origin = ORIGIN, url = TARGET, path = 'cam' }: Asked = {},
  ) => {
    const named = { ...headers, 'x-asked': String(asked.push({ secrets, origin, path }) - 1) };
    const { statusCode, headers: got, body } = await app.inject({ url, headers: named });
    return { status: statusCode, headers: got, body: body.startsWith('{') ? (JSON.parse(body) as unknown) : body };
  };
  return { servers, rows, replicas, app, clock, ask };
}

interface Facts {
  readonly secrets: readonly string[];
  readonly origin: RequestOrigin;
  readonly path: string;
}

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: RequestOrigin;
  readonly url?: string;
  readonly path?: string;
}

/** Another server, by its row, which was renewed now. */
async function addTo(rows: Rows, { clock, address = '', startedMs = 0 }: Added): Promise<Replica> {
  const [name, key] = [randomBytes(6).toString('hex'), randomBytes(32).toString('base64url')];
  const at = address === '' ? `127.0.0.1:${await freePort()}` : address;
  const replica: Replica = { name, key, address: at, startedMs, renewedMs: clock.wallMs() };
  await put(rows, replica, clock.wallMs());
  return replica;
}

interface Added {
  readonly clock: FakeClock;
  readonly address?: string;
  readonly startedMs?: number;
}

const put = (rows: Rows, replica: Replica, atMs: number) =>
  rows.putRows('replicas', [{ id: replica.name, json: JSON.stringify(replica), atMs }]);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server with a certificate that is trusted, and what reaches it. */
async function listen(answer: Answer) {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, PAIR.cert.toString()]);
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer(PAIR, (request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const kill = (): void => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(() => {
    setDefaultCACertificates(before);
    kill();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, requests, connections: () => connections, kill };
}

/** A server that has the session of a secret. */
async function openHolder(rows: Rows, clock: FakeClock, answer?: Answer) {
  let name = '';
  const listening = await listen((request, response) => {
    if (answer) {
      answer(request, response);
    } else {
      response.setHeader(STAMP_HEADER, name).end('the playlist');
    }
  });
  const holder = await addTo(rows, { clock, address: listening.address });
  ({ name } = holder);
  return { ...listening, holder, secret: writeSecret(holder, 'cam') };
}

/** Lets the pauses between tries pass. */
async function throughPauses<T>(clock: FakeClock, answer: Promise<T>): Promise<T> {
  const others = clock.sleeping;
  let isDone = false;
  const done = answer.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await expect.poll(() => isDone || clock.sleeping > others).toBe(true);
    await clock.advance(isDone ? 0 : 400);
  }
  return done;
}

const gone = (secret: string) => ({ status: 200, body: { answer: { inherited: secret } } });

test('secrets name the server once others can find it', async () => {
  const { rows, replicas } = await open();
  const secret = replicas.newSecret('cam') ?? '';
  expect(await rows.readRows()).toMatchObject([{ name: holderIn(secret), address: '127.0.0.1:1' }]);
  expect((await open({ rows, address: '' })).replicas.newSecret('cam')).toBeUndefined();
});

test('only a secret that a server of the fleet has issued for the path leads to it', async () => {
  const { rows, replicas, clock, ask } = await open();
  const other = await addTo(rows, { clock });
  const secret = writeSecret(other, 'cam');
  const forged = `${secret.slice(0, -16)}${'A'.repeat(16)}`;
  const ofNobody = writeSecret({ ...other, name: 'ffffffffffff' }, 'cam');
  const own = replicas.newSecret('cam') ?? '';
  await clock.advance(1_000);
  expect((await ask([forged, ofNobody, own, 'no secret', ''])).body).toEqual({ answer: 'none' });
  expect((await ask([secret], { path: 'garden' })).body).toEqual({ answer: 'none' });
  // It has ended, and this one is the only other one.
  expect(await ask([forged, secret])).toMatchObject(gone(secret));
});

test('the holder gets what its answer depends on, and the client its answer, without what is of the connections', async () => {
  const { rows, clock, ask } = await open();
  let name = '';
  const { requests, holder, secret } = await openHolder(rows, clock, (_, response) => {
    const own = { 'keep-alive': 'timeout=9', 'strict-transport-security': 'max-age=9', 'x-of-connection': '1' };
    response.writeHead(206, {
      ...own,
      connection: 'x-of-connection',
      [STAMP_HEADER]: name,
      'content-range': 'bytes 0-4/9',
    });
    response.end('12345');
  });
  ({ name } = holder);
  await clock.advance(1_000);
  const passed = { cookie: 'a=1', range: 'bytes=0-4', authorization: 'Basic YTpi', 'user-agent': 'Lavf/61' };
  const kept = {
    'x-forwarded-for': '192.0.2.9',
    te: 'trailers',
    upgrade: 'h2c',
    'x-mine': '1',
    'proxy-authorization': 'x',
  };
  const answer = await ask([secret], { headers: { ...passed, ...kept, referer: 'https://a', connection: 'referer' } });
  expect([answer.status, answer.body, answer.headers['content-range']]).toEqual([206, '12345', 'bytes 0-4/9']);
  for (const field of [STAMP_HEADER, 'strict-transport-security', 'x-of-connection', 'keep-alive']) {
    expect(answer.headers).not.toHaveProperty(field);
  }
  const [{ headers = {}, url = '' } = {}] = requests;
  const fields = Object.keys(headers).sort();
  expect(fields).toEqual([...Object.keys(passed), STAMP_HEADER, 'connection', 'host'].sort());
  expect([headers, url]).toMatchObject([passed, TARGET]);
});

test('a server that started earlier inherits, unless it has ended, too', async () => {
  const { rows, clock, ask } = await open();
  const secret = writeSecret(await addTo(rows, { clock }), 'cam');
  await addTo(rows, { clock, startedMs: 1 });
  await clock.advance(10_000);
  expect(await ask([secret])).toMatchObject(gone(secret));
});

test('a server with a certificate of its own is known by its row', async () => {
  const { rows, clock, ask } = await open();
  const { secret, holder, requests } = await openHolder(rows, clock);
  setDefaultCACertificates(getCACertificates('bundled'));
  await put(rows, { ...holder, pin: `key.${'A'.repeat(43)}` }, clock.wallMs());
  await clock.advance(1_000);
  expect((await ask([secret])).status).toBe(503);
  await put(rows, { ...holder, pin: PIN }, clock.wallMs());
  await clock.advance(30_000);
  expect(await ask([secret])).toMatchObject({ status: 200, body: 'the playlist' });
  expect(requests).toHaveLength(1);
});

test('a server tells others its certificate', async () => {
  const { rows } = await open();
  expect(await rows.readRows()).toMatchObject([{ pin: PIN }]);
});

test('a server whose certificate is not trusted gets no request, and is not taken for one that has ended', async () => {
  const { rows, clock, ask } = await open();
  const { secret, requests } = await openHolder(rows, clock);
  setDefaultCACertificates(getCACertificates('bundled'));
  await clock.advance(1_000);
  expect((await ask([secret])).status).toBe(503);
  expect(requests).toEqual([]);
});

test.for([
  ['a Host that makes the stamp too long', {}, 'a'.repeat(6_200)],
  ['cookies that make the head too long', { cookie: 'x'.repeat(15_900) }, undefined],
] as const)('%s: the request is rejected, and nobody is taken for ended', async ([, headers, host]) => {
  const { rows, clock, ask } = await open();
  const { secret, requests } = await openHolder(rows, clock);
  await clock.advance(1_000);
  expect((await ask([secret], { headers, origin: originFrom('203.0.113.7', host) })).status).toBe(400);
  expect(requests).toEqual([]);
  expect(await ask([secret])).toMatchObject({ status: 200, body: 'the playlist' });
});

test.for<readonly [string, Answer]>([
  ['an error of a proxy', (_, response) => response.writeHead(503).end()],
  ['a head that is too large', (_, response) => response.writeHead(431).end()],
  ['a reset', ({ socket }) => socket.destroy()],
])('%s says nothing of the session, until the server has not renewed its row', async ([, answer]) => {
  const { rows, clock, ask } = await open();
  const { secret, address } = await openHolder(rows, clock, answer);
  await clock.advance(1_000);
  const first = await throughPauses(clock, ask([secret]));
  expect([first.status, first.headers['retry-after']]).toEqual([503, '1']);
  expect(JSON.stringify(first.body)).not.toContain(address);
  await clock.advance(60_000);
  expect((await throughPauses(clock, ask([secret]))).status).toBe(503);
  await clock.advance(60_000);
  expect(await throughPauses(clock, ask([secret]))).toMatchObject(gone(secret));
});

test('a server that is killed may reset new connections before its port is closed', async () => {
  const { rows, clock, ask } = await open();
  let kill = (): void => {};
  const holder = await openHolder(rows, clock, ({ socket }) =>
    holder.requests.length < 3 ? socket.destroy() : kill(),
  );
  kill = holder.kill;
  await clock.advance(1_000);
  expect(await throughPauses(clock, ask([holder.secret]))).toMatchObject(gone(holder.secret));
  expect(holder.requests.length).toBe(3);
});

test('a server that is killed while it has the request has ended', async () => {
  const { rows, clock, ask } = await open();
  let kill = (): void => {};
  const holder = await openHolder(rows, clock, () => kill());
  kill = holder.kill;
  await clock.advance(1_000);
  expect(await ask([holder.secret])).toMatchObject(gone(holder.secret));
  expect(holder.requests.length).toBe(1);
});

test('the next run of a server, which rejects the stamp, has none of the sessions', async () => {
  const { rows, clock, ask } = await open();
  const { secret } = await openHolder(rows, clock, (_, response) => response.writeHead(421).end());
  await clock.advance(1_000);
  expect(await ask([secret])).toMatchObject(gone(secret));
});

test('a server that refused connections may have its sessions again when it goes on renewing its row', async () => {
  const { rows, clock, ask, replicas } = await open();
  const port = await freePort();
  const other = await open({ rows, clock, address: `127.0.0.1:${port}` });
  const secret = other.replicas.newSecret('cam') ?? '';
  await clock.advance(1_000);
  expect(await ask([secret])).toMatchObject(gone(secret));
  expect([replicas.mayAnswer(secret), other.replicas.mayAnswer(secret)]).toEqual([false, false]);
  for (let passedMs = 0; passedMs < 180_000; passedMs += 30_000) {
    await clock.advance(30_000);
  }
  expect(replicas.mayAnswer(secret)).toBe(true);
  await other.servers.close();
  await clock.advance(30_000);
  expect(replicas.mayAnswer(secret)).toBe(false);
});

test('a server that ends says so: others go on at once, although nothing refuses connections', async () => {
  const { rows, clock, ask } = await open();
  const { address } = await listen(({ socket }) => socket.destroy());
  const other = await open({ rows, address, clock });
  const secret = other.replicas.newSecret('cam') ?? '';
  await other.servers.close();
  await clock.advance(10_000);
  expect(await throughPauses(clock, ask([secret]))).toMatchObject(gone(secret));
});

test('servers that no longer renew their rows are not asked to inherit', async () => {
  const { rows, clock, ask } = await open();
  const late = await openHolder(rows, clock);
  await clock.advance(120_000);
  const secret = writeSecret(await addTo(rows, { clock }), 'cam');
  await clock.advance(10_000);
  expect(await ask([secret])).toMatchObject(gone(secret));
  expect(late.connections()).toBe(0);
});

test('others find an inherited session also days after its server has ended', async () => {
  const { rows, clock, ask } = await open();
  const ended = await addTo(rows, { clock });
  const secret = writeSecret(ended, 'cam');
  await clock.advance(1_000);
  expect(await ask([secret])).toMatchObject(gone(secret));
  for (let day = 0; day < 3; day += 1) {
    clock.skip(DAY_MS / 2);
    await clock.advance(30_000);
  }
  expect(await rows.readRows()).toContainEqual(ended);
  const third = await open({ rows, clock });
  expect(await third.ask([secret])).not.toMatchObject({ body: { answer: 'none' } });
});

test.for([{ destroyed: true }, { destroyed: false, stream: { destroyed: true } }])(
  'the request of a client that has left is not forwarded: %o',
  async (raw) => {
    const { rows, clock, replicas, ask } = await open();
    const { secret, connections } = await openHolder(rows, clock);
    await clock.advance(1_000);
    await ask([]);
    const request = { method: 'GET', headers: {}, raw: { headers: { 'x-asked': '0' } } } as unknown as FastifyRequest;
    const reply = { raw, hijack: () => {} } as unknown as FastifyReply;
    const held = { request, reply, path: 'cam', secrets: [secret], target: TARGET };
    expect([await replicas.answer(held), connections()]).toEqual(['answered', 0]);
  },
);

test('one client takes a quarter of the requests that a server forwards', async () => {
  const { rows, clock, ask } = await open();
  const waiting: ServerResponse[] = [];
  const { holder, requests } = await openHolder(rows, clock, (_, response) => void waiting.push(response));
  await clock.advance(1_000);
  const askOnce = (ip: string) => ask([writeSecret(holder, 'cam')], { origin: originFrom(ip) });
  const running = Array.from({ length: 128 }, () => askOnce('203.0.113.7'));
  await expect.poll(() => requests.length, { timeout: 20_000 }).toBe(128);
  expect((await askOnce('203.0.113.7')).status).toBe(429);
  running.push(askOnce('203.0.113.8'), askOnce('127.0.0.1'));
  await expect.poll(() => requests.length, { timeout: 20_000 }).toBe(130);
  for (const response of waiting) {
    response.setHeader(STAMP_HEADER, holder.name).end();
  }
  expect(new Set((await Promise.all(running)).map(({ status }) => status))).toEqual(new Set([200]));
});

test('a forwarded request is answered here, with the origin that the other server has judged, and never forwarded again', async () => {
  const { rows, clock, ask, app } = await open();
  const [own] = (await rows.readRows()) as readonly [Replica];
  const { secret, holder, connections } = await openHolder(rows, clock);
  await clock.advance(1_000);
  const at = clock.wallMs();
  const stampFor = (server: Replica, inherits: boolean, { target = TARGET, method = 'GET', atMs = at } = {}) =>
    writeStamp(server, { method, target }, ORIGIN, inherits, atMs);
  const askWith = async (stamp: string, url = TARGET) => {
    const { status, headers, body } = await ask([secret], { headers: { [STAMP_HEADER]: stamp }, url });
    return [status, headers[STAMP_HEADER], status === 200 ? body : ''];
  };
  expect(await askWith(stampFor(own, true))).toEqual([200, own.name, { answer: { inherited: secret } }]);
  expect(await askWith(stampFor(own, false))).toEqual([200, own.name, { answer: 'none' }]);
  const wrong = await Promise.all([
    askWith(stampFor(own, true), `${TARGET}?a=2`),
    askWith(stampFor(own, true, { method: 'HEAD' })),
    askWith(stampFor(holder, true)),
    askWith(stampFor({ ...own, name: holder.name }, true)),
    askWith(`${stampFor(own, true)}A`),
    askWith('x'),
    askWith(stampFor(own, true, { target: '/v3/people' }), '/v3/people'),
  ]);
  const posted = stampFor(own, true, { method: 'POST' });
  const { statusCode } = await app.inject({ method: 'POST', url: TARGET, headers: { [STAMP_HEADER]: posted } });
  expect([...wrong, [statusCode, undefined, '']]).toEqual(Array.from({ length: 8 }, () => [421, undefined, '']));
  // Of a server whose clock differs: it has not ended.
  for (const atMs of [at - 61_000, at + 61_000]) {
    expect(await askWith(stampFor(own, true, { atMs }))).toEqual([503, undefined, '']);
  }
  expect(connections()).toBe(0);
});
