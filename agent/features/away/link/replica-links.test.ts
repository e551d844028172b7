import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { BOX, startLinkServer } from '../../../../test/features/away/support/link-server.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type DialOrder, writeDialOrder } from '../../../auth/pairing/dial-order.ts';
import { newKey, privateKeyOf } from '../keys/away-file.ts';
import { ReplicaLinks } from './replica-links.ts';

const RUN = 'run-of-this-box';
const START_S = 1_800_000_000;

/** A box of a fleet, which knows one replica. `order` is signed by the fleet, unless another key is given. */
async function startReplica({ knowsPin = true } = {}) {
  const clock = new FakeClock();
  const replica = await startLinkServer(clock);
  const { called, deps } = replica;
  const fleet = newKey();
  const [address = ''] = called.addresses;
  const http = createServer((_, answer) => answer.end('hello'));
  const timeS = (): number => START_S + clock.monoMs() / 1_000;
  const links = new ReplicaLinks({
    now: () => ({ run: RUN, timeS: timeS() }),
    link: () => ({ ...deps, serve: (socket) => void http.emit('connection', socket) }),
    called: (server) => (server === called.server ? { ...called, pin: knowsPin ? called.pin : undefined } : undefined),
  });
  links.trust(called.server, { key: fleet.key, replicas: [{ address }] });
  onTestFinished(() => links.close());
  const order = (other: Partial<DialOrder> = {}, key = fleet): string =>
    writeDialOrder({ box: BOX, server: called.server, address, run: RUN, timeS: timeS(), ...other }, privateKeyOf(key));
  const ask = async (): Promise<string> => {
    const outgoing = request({ createConnection: () => replica.boxLinks.open(BOX), path: '/' });
    outgoing.end();
    const [answer] = await once(outgoing, 'response');
    return text(answer);
  };
  return { ...replica, clock, fleet, address, links, order, ask };
}

test('an order of the fleet opens a link to the replica, which gets answers through it', async () => {
  const { links, order, ask, address, called } = await startReplica();
  await links.obey(order());
  expect(links.addressesOf(called.server)).toEqual([address]);
  expect(await ask()).toBe('hello');
});

test('a link that its replica ends stays ended until the next order', async () => {
  const { links, order, clock, state, boxLinks, called } = await startReplica();
  await links.obey(order());
  await expect.poll(() => boxLinks.isConnected(BOX)).toBe(true);
  boxLinks.drop(BOX);
  await expect.poll(() => links.addressesOf(called.server)).toEqual([]);
  await clock.advance(120_000);
  expect(state.links).toHaveLength(1);
  await links.obey(order());
  await expect.poll(() => boxLinks.isConnected(BOX)).toBe(true);
});

test('a further order for an open link replaces it, because the replica may have been restarted', async () => {
  const { links, order, state, ask, called, address } = await startReplica();
  await links.obey(order());
  await links.obey(order());
  await expect.poll(() => state.links.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  expect(links.addressesOf(called.server)).toEqual([address]);
  expect(await ask()).toBe('hello');
});

test('orders for a replica that is being dialled share the attempt', async () => {
  const { links, order, state } = await startReplica();
  await Promise.all([order(), order(), order()].map((one) => links.obey(one)));
  expect(state.links).toHaveLength(1);
});

test.for([
  ['for another box', { box: 'ffffffffffffffff' }, 'box'],
  ['of another fleet', { server: 'another-server--' }, 'unknown'],
  ['for an earlier run', { run: 'an-earlier-run' }, 'run'],
  ['that has expired', { timeS: START_S - 30 }, 'expired'],
  ['of the future', { timeS: START_S + 6 }, 'expired'],
  ['that names an address which the box has not learnt', { address: '127.0.0.1:22' }, 'address'],
] as const)('an order %s is refused, and nothing is dialled', async ([, other, why]) => {
  const { links, order, state } = await startReplica();
  await expect(links.obey(order(other))).rejects.toMatchObject({ code: 'unauthorized', context: { why } });
  expect(state.links).toEqual([]);
});

test('an order that another key has signed is refused, whatever it says', async () => {
  const { links, order, state } = await startReplica();
  const forged = order({ run: 'x', address: '127.0.0.1:22' }, newKey());
  await expect(links.obey(forged)).rejects.toMatchObject({ context: { why: 'signature' } });
  expect(state.links).toEqual([]);
});

test('an order is obeyed once, also when its link has ended', async () => {
  const { links, order, state, boxLinks, clock } = await startReplica();
  const sent = order();
  await links.obey(sent);
  boxLinks.drop(BOX);
  await expect(links.obey(sent)).rejects.toMatchObject({ context: { why: 'replayed' } });
  await clock.advance(30_000);
  await expect(links.obey(sent)).rejects.toMatchObject({ context: { why: 'expired' } });
  expect(state.links).toHaveLength(1);
});

test('a fleet that floods a box with orders is held back for half a minute', async () => {
  const { links, order, clock } = await startReplica();
  // All but the first share its attempt.
  await Promise.all(Array.from({ length: 60 }, () => links.obey(order())));
  await expect(links.obey(order())).rejects.toMatchObject({ code: 'exhausted' });
  await clock.advance(30_000);
  await links.obey(order());
});

test('a machine at the address of a replica that cannot prove itself gets no request', async () => {
  const { links, order, state, called } = await startReplica();
  state.privateKey = privateKeyOf(newKey());
  await expect(links.obey(order())).rejects.toThrow('another server answers: its proof is wrong');
  expect(links.addressesOf(called.server)).toEqual([]);
});

test('a replica with another certificate than the one that the box has learnt gets no byte', async () => {
  const { links, order, fleet, called, address, state } = await startReplica();
  const pin = `key.${'A'.repeat(43)}`;
  links.trust(called.server, { key: fleet.key, replicas: [{ address, pin }] });
  await expect(links.obey(order())).rejects.toThrow('its certificate is not valid');
  expect(state.links).toEqual([]);
});

test('a replica with a certificate of its own is known by the pin that the key of the pairing vouches for', async () => {
  const { links, order, state, called, ask } = await startReplica({ knowsPin: false });
  await expect(links.obey(order())).rejects.toMatchObject({ context: { why: 'certificate' } });
  const { pin = '' } = called;
  const forged = order({ vouched: { pin, key: privateKeyOf(newKey()) } });
  await expect(links.obey(forged)).rejects.toMatchObject({ context: { why: 'pin' } });
  const other = order({ vouched: { pin: `key.${'A'.repeat(43)}`, key: state.privateKey } });
  await expect(links.obey(other)).rejects.toMatchObject({ context: { why: 'certificate' } });
  expect(state.links).toEqual([]);
  await links.obey(order({ vouched: { pin, key: state.privateKey } }));
  expect(await ask()).toBe('hello');
});

test('the end of the pairing closes the connection at once, and orders are refused', async () => {
  const { links, order, state, called, boxLinks } = await startReplica();
  await links.obey(order());
  const [link] = state.links;
  links.trust(called.server, undefined);
  await expect.poll(() => [link?.destroyed, boxLinks.isConnected(BOX)]).toEqual([true, false]);
  await expect(links.obey(order())).rejects.toMatchObject({ context: { why: 'unknown' } });
});

test('a replica that left the fleet loses its link, and the others keep theirs', async () => {
  const { links, order, fleet, called, address, state } = await startReplica();
  await links.obey(order());
  links.trust(called.server, { key: fleet.key, replicas: [{ address }, { address: 'r9.cloud.example:443' }] });
  expect(links.addressesOf(called.server)).toEqual([address]);
  links.trust(called.server, { key: fleet.key, replicas: [{ address: 'r9.cloud.example:443' }] });
  await expect.poll(() => state.links[0]?.destroyed).toBe(true);
});

test('the end of the pairing while a replica is dialled ends the attempt', async () => {
  const { links, order, called, boxLinks } = await startReplica();
  const obeying = links.obey(order());
  links.trust(called.server, undefined);
  await expect(obeying).rejects.toThrow('the pairing with this fleet has ended');
  expect(boxLinks.isConnected(BOX)).toBe(false);
});
