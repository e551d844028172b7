import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../../test/peers/agent/agent.ts';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { PreLoginMemory } from '../../base/network/pre-login-memory.ts';
import type { KeyFiles } from '../../config/file/key-pair.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import { createHttpApp } from './app.ts';
import { ListenerTls } from './listener-tls.ts';
import { takeUpgrade } from './web-socket.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/tls');

/** A listener with TLS, and its certificate's files. */
async function open(addRoutes: (app: FastifyInstance) => void = () => {}) {
  const folder = await mkdtemp(join(tmpdir(), 'perch-tls-'));
  const use = async (name: string) => {
    await copyFile(join(FIXTURES, `${name}.key`), join(folder, 'server.key'));
    await copyFile(join(FIXTURES, `${name}.crt`), join(folder, 'server.crt'));
  };
  await use('server');
  const files = { key: join(folder, 'server.key'), cert: join(folder, 'server.crt') };
  const tls = await ListenerTls.open('hls', files, { clock: systemClock, log: silentLogger });
  const app = createHttpApp({ log: silentLogger });
  app.get('/version', (request) => ({ version: request.raw.httpVersion, tls: 'encrypted' in request.raw.socket }));
  app.get('/never', () => new Promise(() => {}));
  app.get('/socket', (request, reply) => {
    takeUpgrade(request, reply)?.socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello');
    return reply;
  });
  addRoutes(app);
  const preLogin = new PreLoginMemory(systemClock, silentLogger);
  const listener = await listenLocally(app, { tls: tls.pair, preLogin });
  tls.renew(listener.server);
  onTestFinished(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });
  return { app, use, ...listener };
}

const LAX = { rejectUnauthorized: false } as const;

async function overHttp2(port: number, path: string) {
  const session = connectHttp2(`https://127.0.0.1:${port}`, LAX);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': path });
  return { session, body: await text(stream) };
}

test('the end of an HTTP/1.1 answer does not wait for a delayed acknowledgement', async () => {
  const { port } = await open((app) => {
    app.get('/parts', () => Readable.from([Buffer.alloc(1000), Buffer.alloc(1000)]));
  });
  const agent = new Agent({ ...LAX, keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const times: number[] = [];
  for (let request = 0; request < 20; request += 1) {
    const start = performance.now();
    const [answer] = await once(get({ host: '127.0.0.1', port, path: '/parts', agent }), 'response');
    await text(answer);
    times.push(performance.now() - start);
  }
  // The first few of a connection are acknowledged at once, the others after 40 ms. The fastest does not depend on other load.
  expect(Math.min(...times.slice(10))).toBeLessThan(35);
});

test('clients that offer HTTP/2 in the handshake get it, others HTTP/1.1', async () => {
  const { port } = await open();
  expect(JSON.parse((await overHttp2(port, '/version')).body)).toEqual({ version: '2.0', tls: true });
  const agent = new Agent({ ...LAX, keepAlive: false });
  const [answer] = await once(get({ host: '127.0.0.1', port, path: '/version', agent }), 'response');
  expect(JSON.parse(await text(answer))).toEqual({ version: '1.1', tls: true });
});

test('a plain HTTP request is answered that the port speaks https', async () => {
  const { port } = await open();
  for (let i = 0; i < 20; i += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/version`);
    expect([answer.status, await answer.text()]).toEqual([400, 'this port speaks https\n']);
  }
  expect(JSON.parse((await overHttp2(port, '/version')).body)).toEqual({ version: '2.0', tls: true });
});

test('a WebSocket uses HTTP/1.1 on the same port', async () => {
  const { port } = await open();
  const socket = connectTls({ host: '127.0.0.1', port, ...LAX, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  socket.write('GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  expect(await text(socket)).toBe('HTTP/1.1 101 Switching Protocols\r\n\r\nhello');
});

test('a new certificate applies to the next connection, without a restart', async () => {
  const { port, use } = await open();
  const served = async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ...LAX });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await served();
  await use('camera');
  await until(async () => (await served()) !== before || undefined);
});

test('files that are missing or do not belong together are named', async () => {
  const deps = { clock: systemClock, log: silentLogger };
  const of = (key: string, cert: string) =>
    ListenerTls.open('hls', { key: join(FIXTURES, key), cert: join(FIXTURES, cert) }, deps);
  await expect(of('none.key', 'server.crt')).rejects.toThrow('hlsServerKey cannot be read');
  await expect(of('server.key', 'none.crt')).rejects.toThrow('hlsServerCert cannot be read');
  await expect(of('server.key', 'camera.crt')).rejects.toThrow('hlsServerKey and hlsServerCert are not a key and its');
});

test('a client that cancels thousands of requests loses its connection, others do not', async () => {
  const { port } = await open();
  const honest = await overHttp2(port, '/version');
  const session = connectHttp2(`https://127.0.0.1:${port}`, LAX);
  const ended = new Promise((resolve) => session.once('close', resolve));
  session.on('error', () => {});
  for (let i = 0; i < 3000 && !session.destroyed; i += 1) {
    const stream = session.request({ ':path': '/never' });
    stream.on('error', () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (i % 50 === 49) {
      await new Promise(setImmediate);
    }
  }
  await ended;
  expect(await text(honest.session.request({ ':path': '/version' }))).toContain('2.0');
});

test('the reply for a client that left before it began is closed', async () => {
  const [asked, made] = [Promise.withResolvers<IncomingMessage>(), Promise.withResolvers<Readable>()];
  const { port } = await open((app) =>
    app.get('/late', async ({ raw }, reply) => {
      asked.resolve(raw);
      return reply.send(await made.promise);
    }),
  );
  const session = connectHttp2(`https://127.0.0.1:${port}`, LAX);
  onTestFinished(() => session.destroy());
  const request = session.request({ ':path': '/late' });
  request.on('error', () => {});
  const left = once(await asked.promise, 'close');
  request.close(constants.NGHTTP2_CANCEL);
  await left;
  const answer = new Readable({ read: () => {} });
  made.resolve(answer);
  await once(answer, 'close');
});

test('the open requests of one connection are limited', async () => {
  const { port } = await open();
  const session = connectHttp2(`https://127.0.0.1:${port}`, LAX);
  onTestFinished(() => session.destroy());
  await once(session, 'remoteSettings');
  expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
});

test('an idle connection ends, also with replies that the client does not read', async () => {
  const { server, port } = await open();
  const opened = once(server, 'session');
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ...LAX, settings: { initialWindowSize: 0 } });
  session.on('error', () => {});
  const request = session.request({ ':path': '/version' });
  request.on('error', () => {});
  const [[ofServer]] = await Promise.all([opened, once(request, 'response')]);
  const closed = once(session, 'close');
  ofServer.emit('timeout');
  await closed;
});

test('closing ends every connection, also with pending requests', async () => {
  const { app, port } = await open();
  const { session } = await overHttp2(port, '/version');
  session.on('error', () => {});
  session.request({ ':path': '/never' }).on('error', () => {});
  const plain = connectTls({ host: '127.0.0.1', port, ...LAX });
  plain.on('error', () => {});
  await once(plain, 'secureConnect');
  const gone = Promise.all([once(session, 'close'), once(plain, 'close')]);
  await app.close();
  await gone;
});

test('HSTS needs a certificate signed by another authority', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perch-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const names = { dns: ['box.example'], ips: [] };
  const validity = { fromMs: Date.now() - 1000, untilMs: Date.now() + 3_600_000 };
  const signed = await issueServer(await issueAuthority(names, validity), names, validity);
  const file = join(folder, 'both.pem');
  await writeFile(file, `${signed.keyPem}\n${signed.certPem}\n`);
  const deps = { clock: systemClock, log: silentLogger };
  const isReal = async (files: KeyFiles) => (await ListenerTls.open('tls', files, deps)).isReal;
  const none = { key: join(folder, 'server.key'), cert: join(folder, 'server.crt') };
  expect(await isReal({ key: file, cert: file })).toBe(true);
  expect(await isReal({ ...none, own: file })).toBe(false);
  expect(await isReal({ key: join(FIXTURES, 'server.key'), cert: join(FIXTURES, 'server.crt') })).toBe(false);
});
