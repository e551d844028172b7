import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { type MemoryCarrier, MemoryDatabase } from '../../test/support/base/memory-carrier.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Destination } from '../config/schema/forward.ts';
import { Stream } from '../stream/stream.ts';
import { ForwardLeases } from './forward-leases.ts';
import { PathForwards } from './path-forwards.ts';

const DOOR: Destination = { dest: 'rtmp://live/door', destFingerprint: '', whipBearerToken: '' };
let folders = 0;

/** Servers that forward `door` to one place. */
function open(count: number) {
  const database = new MemoryDatabase();
  const clock = new FakeClock();
  const publishing = new Set<number>();
  let most = 0;
  const servers = Array.from({ length: count }, (_, at) => {
    folders += 1;
    const dataDir = `/forwarding-${folders}`;
    const carrier = database.server(dataDir) as MemoryCarrier;
    const leases = new ForwardLeases({ dataDir, clock });
    let fail: (error: Error) => void = () => {};
    const make = ({ dest }: Destination) =>
      leases.limit(
        {
          outboundBytes: 0,
          run: async (_stream, onForwarding, signal) => {
            publishing.add(at);
            most = Math.max(most, publishing.size);
            onForwarding();
            await new Promise<void>((resolve, reject) => {
              fail = reject;
              signal.addEventListener('abort', () => resolve());
            }).finally(() => publishing.delete(at));
          },
        },
        'door',
        dest,
      );
    const forwards = new PathForwards(make, clock, silentLogger);
    forwards.follow([DOOR]);
    forwards.start(new Stream([tinyH264]));
    return { carrier, forwards, item: () => forwards.items[0], fail: () => fail(new PerchError('unavailable', 'off')) };
  });
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      database.nowMs += 500;
      await clock.advance(500);
    }
  };
  return { database, servers, pass, publishing: () => [...publishing], most: () => most };
}

test('one of several servers publishes, for as long as it has the stream; then another one does', async () => {
  const { servers, pass, publishing, most } = open(3);
  await pass(30_000);
  expect(publishing()).toHaveLength(1);
  const [first = 0] = publishing();
  expect(
    servers.map(({ forwards }) => forwards.items[0]?.state).filter((state) => state === 'forwarding'),
  ).toHaveLength(1);
  await servers[first]?.forwards.close();
  await pass(4_000);
  expect(publishing()).toHaveLength(1);
  expect(publishing()).not.toEqual([first]);
  expect(most()).toBe(1);
});

test('another one takes over within 15 s of a server that is killed, and keeps the destination when that is back', async () => {
  const { servers, pass, publishing, most } = open(2);
  await pass(5_000);
  const [killed = 0] = publishing();
  // As after a kill: it no longer renews its lease. Its connection stays open only in this test.
  servers[killed]?.carrier.goAway();
  await pass(15_000);
  expect([...publishing()].sort()).toEqual([0, 1]);
  servers[killed]?.carrier.comeBack();
  await pass(15_000);
  expect([publishing(), most()]).toEqual([[1 - killed], 2]);
});

test('a server that does not reach the destination leaves it to another one', async () => {
  const { servers, pass, publishing } = open(2);
  await pass(5_000);
  const [first = 0] = publishing();
  for (let tries = 0; tries < 8 && publishing()[0] !== 1 - first; tries += 1) {
    servers[publishing()[0] ?? first]?.fail();
    await pass(4_000);
  }
  expect(publishing()).toEqual([1 - first]);
});

test('while the database is away the server that publishes goes on, also after its connection has failed', async () => {
  const { servers, pass, publishing, most } = open(2);
  await pass(5_000);
  const [first = 0] = publishing();
  for (const { carrier } of servers) {
    carrier.goAway();
  }
  await pass(60_000);
  servers[first]?.fail();
  await pass(5_000);
  expect([publishing(), most()]).toEqual([[first], 1]);
});

test('a server that waits for another one is idle, without the error of its last attempt', async () => {
  const { servers, pass, publishing } = open(2);
  await pass(5_000);
  const [first = 0] = publishing();
  for (let tries = 0; tries < 8 && publishing()[0] !== 1 - first; tries += 1) {
    servers[publishing()[0] ?? first]?.fail();
    await pass(4_000);
  }
  await pass(15_000);
  expect(servers[first]?.item()).toMatchObject({ state: 'idle', lastError: null, lastErrorTime: null });
  expect(servers[1 - first]?.item()).toMatchObject({ state: 'forwarding' });
});

test('a server whose lease another one has taken is idle, at no time with an error', async () => {
  const { database, servers, pass, publishing } = open(2);
  await pass(5_000);
  const [first = 0] = publishing();
  const [name = ''] = database.leases.keys();
  const holder = servers[1 - first]?.carrier as MemoryCarrier;
  database.leases.set(name, { holder, untilMs: database.nowMs + 10_000 });
  for (let steps = 0; steps < 40; steps += 1) {
    await pass(500);
    expect(servers[first]?.item()).toMatchObject({ lastError: null });
  }
  expect(publishing()).toEqual([1 - first]);
  expect(servers[first]?.item()).toMatchObject({ state: 'idle' });
});

test('a server that is stopped while it asks for its lease leaves it to another one', async () => {
  const { database, servers, pass, publishing } = open(2);
  await pass(5_000);
  const [first = 0] = publishing();
  const { carrier, forwards } = servers[first] as (typeof servers)[number];
  const answer = Promise.withResolvers<void>();
  const lease = carrier.lease.bind(carrier);
  carrier.lease = (...ask) => answer.promise.then(() => lease(...ask));
  await pass(3_000);
  const closed = forwards.close();
  await pass(500);
  answer.resolve();
  await closed;
  expect([...database.leases.values()].map(({ holder }) => holder)).not.toContain(carrier);
  await pass(4_000);
  expect(publishing()).toEqual([1 - first]);
});
