import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { asksForBox, signMessage } from '../../auth/pairing/message-signature.ts';
import { PairedServers } from '../../auth/pairing/paired-servers.ts';
import { digestOf, SignedRequests } from '../../auth/pairing/signed-requests.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../listener/app.ts';
import { createHttpServer } from '../listener/server.ts';
import { notePermitted, ServerConnections, serverOf, verifySignatures } from './signed-requests.ts';

const KEYS = generateKeyPairSync('ed25519');

async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-signed-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const paired = await PairedServers.open(folder, clock, silentLogger);
  const key = KEYS.publicKey.export({ format: 'jwk' }).x ?? '';
  const { id } = await paired.add('Office', key, { cameras: 'all', live: true, recordings: true, talk: false });
  const signatures = new SignedRequests(paired, () => true, clock);
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  const connections = new ServerConnections();
  verifySignatures(app, { signatures, paired }, connections);
  app.all('/who', async (request) => ({ server: serverOf(request) ?? null, body: request.body ?? null }));
  let count = 0;
  const headersFor = (method: string, body?: string, run = signatures.run, target = '/who?a=1') => {
    count += 1;
    const fields = {
      created: signatures.timeS,
      expires: signatures.timeS + 60,
      nonce: String(count).padStart(22, 'n'),
      keyId: id,
    };
    const digest = body === undefined ? undefined : digestOf(Buffer.from(body));
    return signMessage({ method, target, run, digest }, fields, KEYS.privateKey);
  };
  return { app, id, paired, signatures, connections, headersFor };
}

test('a signed request has its server, once; others have none', async () => {
  const { app, id, paired, headersFor } = await open();
  const headers = headersFor('GET');
  const request = { method: 'GET', url: '/who?a=1', headers } as const;
  expect((await app.inject(request)).json()).toEqual({ server: id, body: null });
  expect(paired.item(id)?.seenMs).toBeDefined();
  expect((await app.inject(request)).json()).toMatchObject({ why: 'replayed' });
  expect((await app.inject('/who?a=1')).json()).toEqual({ server: null, body: null });
});

test('a body that is not the signed one is rejected', async () => {
  const { app, id, headersFor } = await open();
  const post = async (signed: string, payload: string) => {
    const headers = { ...headersFor('POST', signed), 'content-type': 'application/json' };
    return (await app.inject({ method: 'POST', url: '/who?a=1', headers, payload })).json<object>();
  };
  expect(await post('{"a":1}', '{"a":1}')).toEqual({ server: id, body: { a: 1 } });
  expect(await post('{"a":1}', '{"a":2}')).toMatchObject({ status: 'error', why: 'digest' });
});

test('a signature of an earlier run gets the present run and the time of the box', async () => {
  const { app, signatures, headersFor } = await open();
  const headers = headersFor('GET', undefined, 'earlier');
  const response = await app.inject({ method: 'GET', url: '/who?a=1', headers });
  expect(response.statusCode).toBe(401);
  expect(response.headers).toMatchObject({ 'perch-run': signatures.run, 'perch-time': String(signatures.timeS) });
  expect(asksForBox(response.headers)).toBe(true);
});

test('a reduced right ends the downloads that need it, and no other', async () => {
  const { app, id, connections, headersFor } = await open();
  const bodies = new Map<string, PassThrough>();
  app.get<{ Params: { path: string } }>('/recordings/:path', async (request, reply) => {
    const { path } = request.params;
    notePermitted(request, 'playback', path);
    const body = new PassThrough();
    bodies.set(path, body);
    body.write('begin');
    return reply.send(body);
  });
  await app.ready();
  const http = createHttpServer(app, { log: silentLogger });
  onTestFinished(() => http.close());
  http.server.listen(0, '127.0.0.1');
  await once(http.server, 'listening');
  const { port } = http.server.address() as AddressInfo;
  const download = async (path: string): Promise<IncomingMessage> => {
    const target = `/recordings/${path}`;
    const headers = { ...headersFor('GET', undefined, undefined, target) };
    const asked = get({ host: '127.0.0.1', port, path: target, headers, agent: false });
    const [response] = await once(asked, 'response');
    // A reset is also an error of the request.
    asked.on('error', () => {});
    await once(response, 'data');
    return response;
  };
  const [door, garden] = await Promise.all([download('door'), download('garden')]);
  const ended = once(door, 'error');
  connections.endReduced(id, (action, path) => action === 'playback' && path === 'garden');
  expect((await ended)[0]).toMatchObject({ code: 'ECONNRESET' });
  const more = once(garden, 'data');
  bodies.get('garden')?.write('more');
  expect(String((await more)[0])).toBe('more');
  // What has ended needs no right any more.
  const over = once(garden, 'end');
  bodies.get('garden')?.end();
  await over;
  garden.destroy();
});
