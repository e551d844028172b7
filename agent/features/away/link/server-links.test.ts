import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { startLinkServer } from '../../../../test/features/away/support/link-server.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import { PairedServers } from '../../../auth/pairing/paired-servers.ts';
import { silentLogger } from '../../../base/log.ts';
import { AWAY_FILE, newKey, readAway } from '../keys/away-file.ts';
import { ServerLinks } from './server-links.ts';

const RIGHTS = { cameras: 'all', live: true, recordings: true, talk: false } as const;

/** A box that has redeemed an invitation of a server. `restart` opens what is in its data folder. */
async function startJoined() {
  const clock = new FakeClock();
  const far = await startLinkServer(clock);
  const folder = temporaryFolder();
  const dataDir = folder.path;
  onTestFinished(() => folder[Symbol.dispose]());
  const servers = await PairedServers.open(dataDir, clock, silentLogger);
  const boxLinks = new LinkedBoxes();
  const signal = new AbortController().signal;
  const host = { dataDir, clock, log: silentLogger, env: {}, servers, boxLinks, signal };
  /** Of the first request within a link. */
  const asked = Promise.withResolvers<ServerResponse>();
  const routing = (_: unknown, response: ServerResponse): void => asked.resolve(response);
  const open = () => {
    const links = new ServerLinks(
      host,
      () => ({ routing }) as unknown as FastifyInstance,
      () => ({ run: 'run', timeS: 0 }),
    );
    onTestFinished(() => links.close());
    return links;
  };
  const links = open();
  const { secret, key } = far.invitations.create();
  const { id } = await links.join({ ...far.called, key, secret, name: 'Cloud' }, RIGHTS, 'Box');
  const restart = async () => {
    await links.close();
    const again = open();
    await again.read();
    return again;
  };
  const file = join(dataDir, AWAY_FILE);
  const stored = () => readAway(JSON.parse(readFileSync(file, 'utf8')));
  return { ...far, clock, links, id, box: servers.boxId, asked, servers, restart, stored, file };
}
type Joined = Awaited<ReturnType<typeof startJoined>>;

const FLEET = { key: newKey().key, replicas: [{ address: 'r1.cloud.example:443' }, { address: '[2001:db8::1]:8443' }] };

test('what a box has learnt at its adoption is kept for the next start, for its owner alone', async () => {
  const { links, id, restart, stored, file } = await startJoined();
  await links.trust(id, FLEET);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await restart();
  const other = { ...FLEET, replicas: [{ address: 'r7.cloud.example:443' }] };
  expect(stored()?.servers).toMatchObject([{ server: id, fleet: FLEET }]);
  await again.trust(id, other);
  expect(stored()?.servers).toMatchObject([{ server: id, fleet: other }]);
  await again.trust(id, undefined);
  expect(stored()?.servers[0]).not.toHaveProperty('fleet');
});

test.for([
  ['no replica', { ...FLEET, replicas: [] }, '1 to 32 replicas: 0 are given'],
  ['33 replicas', { ...FLEET, replicas: Array(33).fill({ address: 'a.example:1' }) }, '33 are given'],
  ['an address without a port', { ...FLEET, replicas: [{ address: 'a.example' }] }, "'a.example' is not host:port"],
  ['a key of another length', { ...FLEET, key: 'AAAA' }, 'not an Ed25519 public key'],
] as const)('a fleet with %s is not trusted', async ([, fleet, why]) => {
  const { links, id, stored } = await startJoined();
  await expect(links.trust(id, fleet)).rejects.toThrow(why);
  expect(stored()?.servers[0]).not.toHaveProperty('fleet');
});

test('a server that this box does not call has no fleet', async () => {
  const { links } = await startJoined();
  await expect(links.trust('another-server--', FLEET)).rejects.toMatchObject({ code: 'notFound' });
});

test('the owner who revokes a server closes its connection at once, the server knows it, and what the box has learnt is gone', async () => {
  const { links, id, servers, state, stored, boxLinks, box } = await startJoined();
  await links.trust(id, FLEET);
  await servers.remove(id);
  expect(links.list()).toEqual([]);
  await expect.poll(() => [state.links[0]?.destroyed, stored()?.servers]).toEqual([true, []]);
  expect(() => boxLinks.open(box)).toThrow(expect.objectContaining({ code: 'unauthorized', context: { why: 'left' } }));
});

test('a server gets the answer that it waits for before the connection of an ended pairing is closed', async () => {
  const { id, servers, state, boxLinks, box, asked } = await startJoined();
  const outgoing = request({ createConnection: () => boxLinks.open(box), path: '/' });
  outgoing.end();
  const answer = await asked.promise;
  await servers.remove(id);
  answer.end('done');
  const [incoming] = await once(outgoing, 'response');
  expect(await text(incoming)).toBe('done');
  await expect.poll(() => state.links[0]?.destroyed).toBe(true);
});

test.for([
  ['whose link is open', async () => {}],
  ['whose link has just ended', async (far) => void far.state.links[0]?.destroy()],
  [
    'that dials meanwhile',
    async (far) => {
      far.state.links[0]?.destroy();
      await expect.poll(() => far.links.list()[0]?.state).toBe('away');
      void far.clock.advance(2_000);
    },
  ],
] as const satisfies readonly (readonly [string, (far: Joined) => Promise<void>])[])(
  'a box %s forgets a server that has removed it without telling, with its next link',
  async ([, begin]) => {
    const far = await startJoined();
    await begin(far);
    far.state.isRemoved = true;
    far.state.links[0]?.destroy();
    await expect
      .poll(async () => {
        await far.clock.advance(2_000);
        return [far.links.list(), far.servers.list(), far.stored()?.servers];
      })
      .toEqual([[], [], []]);
  },
);

test('a box that starts again forgets a server that has removed it', async () => {
  const far = await startJoined();
  far.state.isRemoved = true;
  const again = await far.restart();
  again.start();
  await expect.poll(() => [again.list(), far.servers.list()]).toEqual([[], []]);
});

test('a server that does not know the box any more is not forgotten: only a removal that it proves counts', async () => {
  const far = await startJoined();
  far.state.isPaired = false;
  far.state.links[0]?.destroy();
  await expect
    .poll(async () => {
      await far.clock.advance(2_000);
      return far.links.list()[0]?.state;
    })
    .toBe('refused');
  far.state.isRemoved = true;
  far.state.otherKey = true;
  await far.clock.advance(500_000);
  await expect.poll(() => far.state.links.length).toBeGreaterThan(2);
  expect(far.links.list()).toMatchObject([{ state: 'refused' }]);
});
