import { expect, test } from 'vitest';
import { pairedServerApp } from '../../../../test/support/harness/servers/paired-server-app.ts';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { HAND_OUT_PATH, handOutRoutes } from './box-routes.ts';

const SAID = { key: `U${'A'.repeat(55)}`, account: null, error: null };

/** The routes of a box that is paired with a server. */
async function open(rights: Partial<ServerRights>) {
  const { app, servers, id, request } = await pairedServerApp(rights);
  const taken: unknown[] = [];
  const take = async (part: unknown, server: string) => {
    taken.push(server === id ? part : server);
    return SAID;
  };
  await app.register(async (scope) => handOutRoutes(scope, { servers, read: async () => SAID, take }));
  const ask = async (body?: object, isSigned = true) => {
    const { status, text } = await request(body ? 'POST' : 'GET', HAND_OUT_PATH, body, isSigned);
    return { status, text };
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
