import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../../test/support/base/free-port.ts';
import { systemClock } from '../../../base/clock.ts';
import type { ListRow } from '../../../base/files/document-carrier.ts';
import { silentLogger } from '../../../base/log.ts';
import { IpList } from '../../../base/network/ip-address.ts';
import type { HttpAccess } from '../../../http/auth/access.ts';
import { originOf } from '../../../http/auth/request-origin.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { FleetReplicas } from './replicas.ts';
import type { Replica } from './roster.ts';
import { holderIn, STAMP_HEADER, writeSecret, writeStamp } from './stamp.ts';

const TLS = join(import.meta.dirname, '../../../../test/fixtures/tls');
const ORIGIN = originOf({ host: 'fleet.example.org' }, '203.0.113.7', true, new IpList([]));
const access = { origin: () => ORIGIN } as Pick<HttpAccess, 'origin'>;

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

  async removeRows(): Promise<void> {}
}

async function open(rows = new Rows(), address = '127.0.0.1:1') {
  const servers = new FleetReplicas({ database: rows, address: () => address, clock: systemClock, log: silentLogger });
  onTestFinished(() => servers.close());
  await servers.announce();
  return { servers, rows, replicas: servers.at(access) };
}

/** Another server, by its row. */
async function addTo(rows: Rows, address: string, startedMs = 0): Promise<Replica> {
  const [name, key] = [randomBytes(6).toString('hex'), randomBytes(32).toString('base64url')];
  const replica = { name, key, address, startedMs };
  await rows.putRows('replicas', [{ id: name, json: JSON.stringify(replica), atMs: 0 }]);
  return replica;
}

function request(secrets: readonly string[], path = 'cam') {
  const raw = { once: () => {}, off: () => {} };
  const [asked, reply] = [{ method: 'GET', headers: {}, raw: {} }, { raw }];
  const target = '/hls/cam/video1_stream.m3u8';
  return {
    request: asked as unknown as FastifyRequest,
    reply: reply as unknown as FastifyReply,
    path,
    secrets,
    target,
  };
}

test('secrets name the server once others can find it', async () => {
  const rows = new Rows();
  const { replicas } = await open(rows);
  const secret = replicas.newSecret('cam') ?? '';
  expect(await rows.readRows()).toMatchObject([{ name: holderIn(secret), address: '127.0.0.1:1' }]);
  expect((await open(rows, '')).replicas.newSecret('cam')).toBeUndefined();
});

test('only a secret that a server of the fleet has issued for the path leads to it', async () => {
  const { rows, replicas } = await open();
  const other = await addTo(rows, `127.0.0.1:${await freePort()}`);
  const secret = writeSecret(other, 'cam');
  const forged = `${secret.slice(0, -16)}${'A'.repeat(16)}`;
  const ofNobody = writeSecret({ ...other, name: 'ffffffffffff' }, 'cam');
  const own = replicas.newSecret('cam') ?? '';
  expect(await replicas.answer(request([forged, ofNobody, own, 'no secret', '']))).toBeUndefined();
  expect(await replicas.answer(request([secret], 'garden'))).toBeUndefined();
  // It has ended, and this one is the only other one.
  expect(await replicas.answer(request([forged, secret]))).toEqual({ inherited: secret });
});

test('a server that started earlier inherits, unless it has ended, too', async () => {
  const { rows, replicas } = await open();
  const ended = await addTo(rows, `127.0.0.1:${await freePort()}`);
  await addTo(rows, `127.0.0.1:${await freePort()}`, 1);
  const secret = writeSecret(ended, 'cam');
  expect(await replicas.answer(request([secret]))).toEqual({ inherited: secret });
});

test('a server whose certificate is not trusted gets no request, and is not taken for one that has ended', async () => {
  const { rows, replicas } = await open();
  let requests = 0;
  const pair = { key: readFileSync(join(TLS, 'server.key')), cert: readFileSync(join(TLS, 'server.crt')) };
  const server = createServer(pair, () => {
    requests += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const other = await addTo(rows, `127.0.0.1:${(server.address() as AddressInfo).port}`);
  await expect(replicas.answer(request([writeSecret(other, 'cam')]))).rejects.toMatchObject({ code: 'unavailable' });
  expect(requests).toBe(0);
});

test('a forwarded request is answered here, with the origin that the other server has judged', async () => {
  const rows = new Rows();
  const { servers, replicas } = await open(rows);
  const [own] = (await rows.readRows()) as readonly Replica[];
  const ended = await addTo(rows, `127.0.0.1:${await freePort()}`);
  const secret = writeSecret(ended, 'cam');
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  servers.receive(app);
  app.get('/hls/*', async (received, reply) => {
    const held = { request: received, reply, path: 'cam', secrets: [secret], target: received.url };
    return { answer: (await replicas.answer(held)) ?? 'none' };
  });
  const [url, method] = ['/hls/cam/x.m3u8?a=1', 'GET'];
  const ask = (stamp: string, target = url) => app.inject({ url: target, headers: { [STAMP_HEADER]: stamp } });
  const stampFor = (server: Replica, inherits: boolean) =>
    writeStamp(server, { method, target: url }, ORIGIN, inherits);

  const inherits = await ask(stampFor(own as Replica, true));
  expect([inherits.headers[STAMP_HEADER], inherits.json()]).toEqual([own?.name, { answer: { inherited: secret } }]);
  expect((await ask(stampFor(own as Replica, false))).json()).toEqual({ answer: 'none' });
  const wrong = await Promise.all([
    ask(stampFor(own as Replica, true), '/hls/cam/x.m3u8?a=2'),
    ask(stampFor(ended, true)),
    ask(stampFor({ ...(own as Replica), name: ended.name }, true)),
    ask(`${stampFor(own as Replica, true)}A`),
    ask('x'),
  ]);
  expect(wrong.map(({ statusCode, headers }) => [statusCode, headers[STAMP_HEADER]])).toEqual(
    wrong.map(() => [421, undefined]),
  );
});
