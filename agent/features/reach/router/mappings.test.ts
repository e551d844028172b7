import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { DefaultRoute, RouterClient, WantedPort } from './contract.ts';
import { CLOSE_AGAIN_MS, LEASE_S, LOOK_MS, Mappings } from './mappings.ts';

const HTTPS: WantedPort = { name: 'https', transport: 'tcp', port: 8_443 };
const ROUTE: DefaultRoute = { interface: 'eth0', gateway: '192.168.1.1', own: '192.168.1.9' };
const refusal = (why: string): PerchError => new PerchError('unavailable', why, { why });

/** A router with one protocol; what it was told, and what it does next. */
function fakeRouter(protocol: RouterClient['protocol'] = 'pcp') {
  const told: string[] = [];
  const state = {
    outsideIp: '93.184.216.7' as string | undefined,
    hasRestarted: false,
    failure: undefined as PerchError | undefined,
    isAway: false,
    has: undefined as boolean | undefined,
    lifetimeS: LEASE_S,
    /** The wanted port is another's. */
    otherPort: undefined as number | undefined,
    hangs: false,
  };
  const answer = async <T>(value: () => T): Promise<T> => {
    if (state.isAway) {
      throw refusal('unanswered');
    }
    return value();
  };
  const client: RouterClient = {
    protocol,
    check: () =>
      answer(() => {
        const { outsideIp, hasRestarted } = state;
        state.hasRestarted = false;
        return { outsideIp, hasRestarted };
      }),
    map: async (port, outsidePort) => {
      await answer(() => undefined);
      told.push(`map ${port.port} ${outsidePort}`);
      if (state.failure) {
        throw state.failure;
      }
      return { outsidePort: state.otherPort ?? outsidePort, lifetimeS: state.lifetimeS };
    },
    unmap: async (port, outsidePort, signal) => {
      await answer(() => undefined);
      told.push(`unmap ${port.port} ${outsidePort}`);
      if (state.hangs) {
        await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
        throw refusal('unanswered');
      }
    },
    has: () => answer(() => state.has),
  };
  return { client, told, state };
}

function box(clients: readonly RouterClient[], wanted: readonly WantedPort[] = [HTTPS]) {
  const clock = new FakeClock();
  const place = { wanted, route: ROUTE as DefaultRoute | undefined, searches: 0, clients };
  const mappings = new Mappings({
    clock,
    log: silentLogger,
    wanted: () => place.wanted,
    route: async () => place.route,
    find: async () => {
      place.searches += 1;
      return place.clients;
    },
  });
  let isClosed = false;
  const close = async () => {
    isClosed = true;
    await mappings.close();
  };
  onTestFinished(() => (isClosed ? undefined : mappings.close()));
  return { clock, place, mappings, close };
}

test('a port is open with its lease, renewed at half of it, and closed at the end', async () => {
  const { client, told } = fakeRouter();
  const { clock, mappings, close } = box([client]);
  await clock.advance(0);
  expect(told).toEqual(['map 8443 8443']);
  const untilMs = clock.wallMs() + 3_600_000;
  expect(mappings.items).toEqual([{ ...HTTPS, state: 'open', outsidePort: 8_443, untilMs, failure: undefined }]);
  expect(mappings.outsideIp).toBe('93.184.216.7');
  await clock.advance(1_799_000);
  expect(told).toHaveLength(1);
  await clock.advance(61_000);
  expect(told).toEqual(['map 8443 8443', 'map 8443 8443']);
  await close();
  expect(told.at(-1)).toBe('unmap 8443 8443');
});

test('the port that the router has granted is asked for again', async () => {
  const { client, told, state } = fakeRouter();
  state.otherPort = 20_000;
  const { clock, mappings } = box([client]);
  await clock.advance(1_860_000);
  expect(told).toEqual(['map 8443 8443', 'map 8443 20000']);
  expect(mappings.items).toMatchObject([{ outsidePort: 20_000 }]);
});

test('a lease of seconds or of years is renewed at a bearable pace', async () => {
  const short = fakeRouter();
  short.state.lifetimeS = 1;
  const { clock } = box([short.client]);
  await clock.advance(600_000);
  expect(short.told.length).toBeLessThanOrEqual(11);
  const long = fakeRouter();
  long.state.lifetimeS = 4_294_967_295;
  const other = box([long.client]);
  await other.clock.advance(7_200_000);
  expect(long.told.length).toBeGreaterThanOrEqual(4);
});

test('after a restart of the router, seen by its epoch, the port is opened within a minute', async () => {
  const { client, told, state } = fakeRouter();
  const { clock } = box([client]);
  await clock.advance(300_000);
  state.hasRestarted = true;
  await clock.advance(LOOK_MS);
  expect(told).toEqual(['map 8443 8443', 'map 8443 8443']);
});

test('a router that is silent while it restarts has forgotten all, whatever its epoch', async () => {
  const { client, told, state } = fakeRouter();
  const { clock, place, mappings } = box([client]);
  await clock.advance(300_000);
  state.isAway = true;
  place.clients = [];
  await clock.advance(120_000);
  expect(mappings.items).toMatchObject([{ state: 'open' }]);
  state.isAway = false;
  place.clients = [client];
  await clock.advance(LOOK_MS);
  expect(told).toEqual(['map 8443 8443', 'map 8443 8443']);
});

test('an entry that someone has removed in the router is made again', async () => {
  const { client, told, state } = fakeRouter('upnp');
  const { clock } = box([client]);
  state.has = true;
  await clock.advance(300_000);
  expect(told).toHaveLength(1);
  state.has = false;
  await clock.advance(LOOK_MS);
  expect(told).toHaveLength(2);
});

test('where one protocol refuses, the next one is asked', async () => {
  const [pcp, upnp] = [fakeRouter('pcp'), fakeRouter('upnp')];
  pcp.state.failure = refusal('refused');
  const { clock, mappings, close } = box([pcp.client, upnp.client]);
  await clock.advance(0);
  expect(mappings.items).toMatchObject([{ state: 'open', failure: undefined }]);
  await close();
  expect([pcp.told.at(-1), upnp.told.at(-1)]).toEqual(['map 8443 8443', 'unmap 8443 8443']);
});

test('a refusal is said, and forgotten once the router changes its mind', async () => {
  const { client, state } = fakeRouter();
  state.failure = refusal('refused');
  const { clock, mappings } = box([client]);
  await clock.advance(0);
  expect(mappings.items).toMatchObject([{ state: 'failed', failure: { why: 'refused' } }]);
  state.failure = undefined;
  await clock.advance(LOOK_MS);
  expect(mappings.items).toMatchObject([{ state: 'open', failure: undefined }]);
});

test('a router that stays away has closed the port when the lease is over', async () => {
  const { client, state } = fakeRouter();
  const { clock, place, mappings } = box([client]);
  await clock.advance(0);
  state.isAway = true;
  place.clients = [];
  await clock.advance(3_660_000);
  expect(mappings.items).toMatchObject([{ state: 'failed', outsidePort: undefined, failure: { why: 'unanswered' } }]);
});

test('without a router, or one that takes no orders, the reason is said; the search is repeated every five minutes', async () => {
  const { clock, place, mappings } = box([]);
  await clock.advance(0);
  expect(mappings.items).toMatchObject([{ state: 'failed', failure: { why: 'noProtocol' } }]);
  await clock.advance(290_000);
  expect(place.searches).toBe(1);
  await clock.advance(30_000);
  expect(place.searches).toBe(2);
  place.route = undefined;
  await clock.advance(LOOK_MS);
  expect(mappings.items).toMatchObject([{ failure: { why: 'noRouter' } }]);
});

test('in another network, or with another address, the port is opened anew', async () => {
  const { client, told } = fakeRouter();
  const { clock, place, mappings } = box([client]);
  await clock.advance(0);
  place.route = { ...ROUTE, own: '192.168.1.77' };
  mappings.look();
  await clock.advance(0);
  expect(told).toEqual(['map 8443 8443', 'map 8443 8443']);
  expect(place.searches).toBe(2);
});

test('what is no longer wanted is closed, and nothing is asked while nothing is wanted', async () => {
  const { client, told } = fakeRouter();
  const { clock, place, mappings } = box([client]);
  await clock.advance(0);
  place.wanted = [{ ...HTTPS, port: 9_443 }];
  mappings.look();
  await clock.advance(0);
  expect(told).toEqual(['map 8443 8443', 'unmap 8443 8443', 'map 9443 9443']);
  place.wanted = [];
  await clock.advance(LOOK_MS);
  expect([told.at(-1), mappings.items]).toEqual(['unmap 9443 9443', []]);
  place.clients = [];
  place.wanted = [HTTPS];
  await clock.advance(LOOK_MS);
  expect(mappings.items).toMatchObject([{ failure: { why: 'noProtocol' } }]);
  const idle = box([client], []);
  await idle.clock.advance(600_000);
  expect(idle.place.searches).toBe(0);
});

test('a router that did not answer is told again to close the port, until the lease ends', async () => {
  const { client, told, state } = fakeRouter();
  const { clock, place, mappings } = box([client]);
  await clock.advance(0);
  state.isAway = true;
  place.wanted = [];
  mappings.look();
  await clock.advance(0);
  expect([told, mappings.items]).toEqual([['map 8443 8443'], []]);
  state.isAway = false;
  await clock.advance(CLOSE_AGAIN_MS);
  expect(told).toEqual(['map 8443 8443', 'unmap 8443 8443']);
  await clock.advance(600_000);
  expect(told).toHaveLength(2);
});

test('a port that is wanted again before the router was told to close it is asked for again', async () => {
  const { client, told, state } = fakeRouter('upnp');
  state.otherPort = 50_000;
  const { clock, place, mappings, close } = box([client]);
  await clock.advance(0);
  state.isAway = true;
  place.wanted = [];
  mappings.look();
  await clock.advance(0);
  state.isAway = false;
  place.wanted = [HTTPS];
  mappings.look();
  await clock.advance(0);
  await close();
  expect(told).toEqual(['map 8443 8443', 'map 8443 50000', 'unmap 8443 50000']);
});

test('after a silence of the router it is asked for the port that it had granted', async () => {
  const { client, told, state } = fakeRouter('upnp');
  state.otherPort = 50_000;
  const { clock } = box([client]);
  await clock.advance(0);
  state.isAway = true;
  await clock.advance(LOOK_MS);
  state.isAway = false;
  await clock.advance(LOOK_MS);
  expect(told).toEqual(['map 8443 8443', 'map 8443 50000']);
});

test('a router that does not answer holds up the end of the program for three seconds', async () => {
  const { client, told, state } = fakeRouter();
  const { clock, close } = box([client]);
  await clock.advance(0);
  state.hangs = true;
  let isOver = false;
  const closing = close().then(() => {
    isOver = true;
  });
  await clock.advance(2_900);
  expect([told.at(-1), isOver]).toEqual(['unmap 8443 8443', false]);
  await clock.advance(200);
  await closing;
  expect(isOver).toBe(true);
});
