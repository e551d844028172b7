import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { type MemoryCarrier, MemoryDatabase } from '../../test/support/base/memory-carrier.ts';
import { silentLogger } from '../base/log.ts';
import type { CameraEvent, EventListener } from '../record/events/event.ts';
import { ActedEvents } from './acted-events.ts';

const HOUR_MS = 3_600_000;
let folders = 0;

/** A server that hears of events of `gate`, its own camera, and of `yard/gate`, that of another box. */
function startServer(database?: MemoryDatabase) {
  folders += 1;
  const dataDir = `/acting-${folders}`;
  const carrier = database?.server(dataDir) as MemoryCarrier;
  const clock = new FakeClock();
  const listeners = new Set<EventListener>();
  const acted = new ActedEvents({
    hub: {
      listen: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    dataDir,
    clock,
    isRemote: (path) => path.startsWith('yard/'),
    log: silentLogger,
  });
  const listen = (name: string) => {
    const seen: string[] = [];
    const stop = acted.listen(name, ({ id, text }, known) =>
      seen.push(`${id} ${text}${known ? ` after ${known.text}` : ''}`),
    );
    return { seen, stop };
  };
  const stop = new AbortController();
  const event = (id: string, path: string, text: string): CameraEvent => ({
    ...{ id, path, text, type: 'motion', source: 'camera', startUs: 0, endUs: undefined },
  });
  const hear = (id: string, text = 'start', before?: string, path = 'yard/gate') => {
    for (const listener of listeners) {
      listener(event(id, path, text), before === undefined ? undefined : event(id, path, before));
    }
  };
  const begin = () => acted.begin(stop.signal);
  return { carrier, clock, hear, listen, begin, stop: () => stop.abort() };
}

/** A server with one listener. */
function openServer(database?: MemoryDatabase) {
  const server = startServer(database);
  const { seen } = server.listen('rules');
  server.begin();
  return { ...server, seen };
}

const settled = async () => {
  for (let i = 0; i < 20; i += 1) {
    await Promise.resolve();
  }
};

/** As long as servers leave events to the one that acted last. */
const second = async (...servers: readonly { readonly clock: FakeClock }[]) => {
  await settled();
  for (const { clock } of servers) {
    await clock.advance(1_000);
    await settled();
  }
};

test('without other servers, and at events of its own cameras, a server acts at once', () => {
  const alone = openServer();
  alone.hear('a');
  const one = openServer(new MemoryDatabase());
  one.hear('b', 'start', undefined, 'gate');
  expect([alone.seen, one.seen]).toEqual([['a start'], ['b start']]);
});

test('one of the servers that have an event of a box acts on it, in the order of its reports', async () => {
  const database = new MemoryDatabase();
  const servers = [openServer(database), openServer(database), openServer(database)];
  for (const { hear } of servers) {
    hear('a');
    hear('a', 'label', 'start');
  }
  await second(...servers);
  for (const { hear } of servers) {
    hear('a', 'end', 'label');
  }
  expect(servers.map(({ seen }) => seen).filter((seen) => seen.length > 0)).toEqual([
    ['a start', 'a label after start', 'a end after label'],
  ]);
});

test('the server that acted last goes on, also where another one hears of the event first; others follow when it is gone', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [openServer(database), openServer(database)];
  one.hear('a');
  await second(one);
  other.hear('a');
  await second(other);
  other.hear('b');
  await other.clock.advance(500);
  one.hear('b');
  await settled();
  await other.clock.advance(500);
  await settled();
  expect([one.seen, other.seen]).toEqual([['a start', 'b start'], []]);
  other.hear('c');
  await other.clock.advance(1_000);
  await settled();
  other.hear('d');
  await settled();
  expect(other.seen).toEqual(['c start', 'd start']);
});

test('while the database is away, or does not answer, each server acts', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [openServer(database), openServer(database)];
  one.carrier.goAway();
  one.hear('a');
  await settled();
  expect(one.seen).toEqual(['a start']);
  vi.spyOn(other.carrier, 'lease').mockReturnValue(new Promise(() => {}));
  other.hear('a');
  await settled();
  expect(other.seen).toEqual([]);
  await other.clock.advance(4_000);
  await settled();
  expect(other.seen).toEqual(['a start']);
});

test('a server that starts while an event goes on leaves it to the other one', async () => {
  const database = new MemoryDatabase();
  const one = openServer(database);
  one.hear('a');
  await second(one);
  database.nowMs = HOUR_MS / 2;
  const other = openServer(database);
  other.hear('a', 'end');
  await second(other);
  expect([one.seen, other.seen]).toEqual([['a start'], []]);
});

test('a server that was restarted, and does not know the pauses of the rules, leaves events to the one that acts', async () => {
  const database = new MemoryDatabase();
  const one = openServer(database);
  one.hear('a');
  await second(one);
  const restarted = openServer(database);
  restarted.hear('b');
  await settled();
  one.hear('b');
  await second(one, restarted);
  expect([one.seen, restarted.seen]).toEqual([['a start', 'b start'], []]);
});

test('a server that has not started, or is stopping, leaves events to the others', async () => {
  const database = new MemoryDatabase();
  const [starting, stopping, other] = [startServer(database), openServer(database), openServer(database)];
  const { seen } = starting.listen('rules');
  stopping.hear('a');
  await second(stopping);
  stopping.stop();
  for (const { hear } of [starting, stopping]) {
    hear('b');
  }
  await second(starting, stopping);
  expect([database.leases.size, seen, stopping.seen]).toEqual([1, [], ['a start']]);
  other.hear('b');
  // Of an event on which it acts already.
  stopping.hear('a', 'end', 'start');
  await second(other);
  expect([other.seen, stopping.seen]).toEqual([['b start'], ['a start', 'a end after start']]);
});

test('rules and notifications are decided separately among the servers where they are open', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [startServer(database), startServer(database)];
  const rules = one.listen('rules');
  one.begin();
  one.hear('a');
  await second(one);
  other.begin();
  const others = [other.listen('rules'), other.listen('notifications')];
  other.hear('a');
  await second(other);
  expect([rules.seen, ...others.map(({ seen }) => seen)]).toEqual([['a start'], [], ['a start']]);
  rules.stop();
  one.hear('b');
  await second(one);
  other.hear('b');
  await second(other);
  expect(others.map(({ seen }) => seen)).toEqual([['b start'], ['a start', 'b start']]);
});
