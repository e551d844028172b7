import Fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import type { ServerRights } from '../../auth/pairing/paired-servers.ts';
import { awayRoutes } from './routes.ts';

async function openRoutes() {
  const joined: ServerRights[] = [];
  const app = Fastify();
  onTestFinished(() => app.close());
  await app.register(async (routes) =>
    awayRoutes(routes, {
      access: { require: async () => undefined, origin: () => ({ baseUrl: 'https://box' }) } as never,
      away: {
        list: () => [],
        invite: () => 'invitation',
        join: async (_invitation, rights) => {
          joined.push(rights);
          throw new Error('enough');
        },
      },
      wallMs: () => 0,
    }),
  );
  return async (terms: object) => {
    await app.inject({ method: 'POST', url: '/v3/away/servers', payload: { invitation: 'perch-link:x', ...terms } });
    return joined.pop();
  };
}

test.for([
  ['all cameras and recordings', {}, true],
  ['all cameras without recordings', { recordings: false }, false],
  ['some cameras', { cameras: ['door'] }, false],
  ['all, if its owner says no', { fleet: false }, false],
  ['some cameras, if its owner says yes', { cameras: ['door'], fleet: true }, true],
] as const)(
  'whether a server may hand out a credential of its fleet follows from what it gets: %s',
  async ([, terms, fleet]) => {
    const join = await openRoutes();
    expect(await join(terms)).toMatchObject({ fleet });
  },
);
