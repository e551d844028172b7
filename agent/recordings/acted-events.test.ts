import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { type MemoryCarrier, MemoryDatabase } from '../../test/support/base/memory-carrier.ts';
import { ServerClaims } from '../base/files/server-claims.ts';
import { silentLogger } from '../base/log.ts';
import type { CameraEvent, EventListener } from '../record/events/event.ts';
import { ActedEvents } from './acted-events.ts';

const HOUR_MS = 3_600_000;
let folders = 0;

/** A server that hears of events of `gate`, its own camera, and of `yard/gate`, that of another box. */
function openServer(database?: MemoryDatabase) {
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
    claims: new ServerClaims({ dataDir, clock, lastsMs: HOUR_MS }),
    isRemote: (path) => path.startsWith('yard/'),
    log: silentLogger,
  });
  const seen: string[] = [];
  acted.listen(({ id, text }, known) => seen.push(`${id} ${text}${known ? ` after ${known.text}` : ''}`));
  const event = (id: string, path: string, text: string): CameraEvent => ({
    ...{ id, path, text, type: 'motion', source: 'camera', startUs: 0, endUs: undefined },
  });
  const hear = (id: string, text = 'start', before?: string, path = 'yard/gate') => {
    for (const listener of listeners) {
      listener(event(id, path, text), before === undefined ? undefined : event(id, path, before));
    }
  };
  return { carrier, clock, hear, seen };
}

const settled = async () => {
  for (let i = 0; i < 20; i += 1) {
    await Promise.resolve();
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
  await settled();
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
  await settled();
  other.hear('a');
  await settled();
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
  await other.clock.advance(3_000);
  await settled();
  expect(other.seen).toEqual(['a start']);
});

test('a server that starts while an event goes on leaves it to the other one', async () => {
  const database = new MemoryDatabase();
  const one = openServer(database);
  one.hear('a');
  await settled();
  database.nowMs = HOUR_MS / 2;
  const other = openServer(database);
  other.hear('a', 'end');
  await settled();
  expect(other.seen).toEqual([]);
});
