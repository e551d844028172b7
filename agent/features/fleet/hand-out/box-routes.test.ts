import { generateKeyPairSync } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { signMessage } from '../../../auth/pairing/message-signature.ts';
import { PairedServers, type ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { digestOf, SignedRequests } from '../../../auth/pairing/signed-requests.ts';
import { silentLogger } from '../../../base/log.ts';
import { ServerConnections, verifySignatures } from '../../../http/auth/signed-requests.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { HAND_OUT_PATH, handOutRoutes } from './box-routes.ts';

const KEYS = generateKeyPairSync('ed25519');
const SAID = { key: `U${'A'.repeat(55)}`, account: null, error: null };

/** The routes of a box that is paired with a server. */
async function open(rights: Partial<ServerRights>) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const clock = new FakeClock();
  const servers = await PairedServers.open(folder.path, clock, silentLogger);
  const key = KEYS.publicKey.export({ format: 'jwk' }).x ?? '';
  const { id } = await servers.add('Office', key, { cameras: 'all', live: true, recordings: true, ...rights });
  const signatures = new SignedRequests(servers, () => true, clock);
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  verifySignatures(app, { signatures, paired: servers }, new ServerConnections());
  const taken: unknown[] = [];
  const take = async (part: unknown, server: string) => {
    taken.push(server === id ? part : server);
    return SAID;
  };
  await app.register(async (scope) => handOutRoutes(scope, { servers, read: async () => SAID, take }));
  let count = 0;
  const ask = async (body?: object, signs = true) => {
    count += 1;
    const method = body ? 'POST' : 'GET';
    const payload = body && JSON.stringify(body);
    const { timeS: created, run } = signatures;
    const fields = { created, expires: created + 60, nonce: String(count).padStart(22, 'n'), keyId: id };
    const digest = payload === undefined ? undefined : digestOf(Buffer.from(payload));
    const headers = signMessage({ method, target: HAND_OUT_PATH, run, digest }, fields, KEYS.privateKey);
    const answer = await app.inject({
      method,
      url: HAND_OUT_PATH,
      headers: { ...(signs && headers), ...(payload && { 'content-type': 'application/json' }) },
      ...(payload && { payload }),
    });
    return { status: answer.statusCode, text: answer.body };
  };
  return { ask, taken, change: (change: Partial<ServerRights>) => servers.change(id, change) };
}

test('a server with the right reads the key and hands out, until the right is withdrawn', async () => {
  const { ask, taken, change } = await open({ fleet: true });
  expect(await ask()).toEqual({ status: 200, text: JSON.stringify(SAID) });
  expect((await ask({ jwt: 'x' })).status).toBe(200);
  await change({ fleet: false });
  expect(await ask({ jwt: 'x' })).toMatchObject({
    status: 401,
    text: expect.stringContaining('does not let the server'),
  });
  expect(taken).toEqual([{ jwt: 'x' }]);
});

test('a pairing without the right, and a request without a signature, get and change nothing', async () => {
  const { ask, taken, change } = await open({ settings: true, talk: true });
  expect((await ask()).status).toBe(401);
  expect((await ask({ jwt: 'x' })).status).toBe(401);
  await change({ fleet: true });
  expect((await ask({ jwt: 'x' }, false)).status).toBe(401);
  expect(taken).toEqual([]);
});
