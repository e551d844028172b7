import { expect, onTestFinished, test, vi } from 'vitest';
import { pushBrowser } from '../../../test/features/notify/support/push-service.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { openHttpSink } from '../../../test/support/servers/http-sink.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { Channels } from './channels/channels.ts';
import { LazyNotifications } from './lazy-notifications.ts';
import { openPushKey } from './push/push-key.ts';
import { Subscriptions } from './push/subscriptions.ts';

const { keys } = pushBrowser();
const RULES = [{ cameras: 'all' as const, kinds: ['person'] }];
const CONFIG = good('paths: {door: {}}');
let folders = 0;

/** A server with its own session list, which follows that of the others late. */
async function openServer(database: MemoryDatabase) {
  folders += 1;
  const dataDir = `/notifying-${folders}`;
  const carrier = database.server(dataDir);
  const clock = new FakeClock();
  const people = { sessions: new Set<string>(), unknown: new Set<string>() };
  const subscriptions = await Subscriptions.open({
    ...{ dataDir, clock, log: silentLogger, roleOf: () => 'owner' as const },
    isAlive: ({ user, session }) => !people.unknown.has(user) && people.sessions.has(session),
    isKnown: (user) => !people.unknown.has(user),
  });
  const channels = await Channels.open({
    ...{ dataDir, clock, log: silentLogger, sending: undefined, localTime: () => '' },
  });
  const subscribe = (name: string, session = 's', user = 'owner') =>
    subscriptions.add(
      { user, session, device: 'Firefox' },
      { endpoint: `https://push.example.com/${name}`, ...keys, language: 'en', rules: RULES },
    );
  const endpoints = () => subscriptions.alive().map(({ endpoint }) => endpoint.split('/').at(-1));
  people.sessions.add('s');
  return { carrier, clock, dataDir, people, subscriptions, channels, subscribe, endpoints };
}

const stored = (database: MemoryDatabase) =>
  (JSON.parse(database.rows.get('push-subscriptions.json')?.json ?? '') as { subscriptions: unknown[] }).subscriptions;

test('servers that start at once have one push key', async () => {
  const database = new MemoryDatabase();
  const folder = (name: string) => {
    database.server(name);
    return openPushKey(name, silentLogger);
  };
  const [one, other] = await Promise.all([folder('/keys-1'), folder('/keys-2')]);
  expect(other).toEqual(one);
  expect(await folder('/keys-3')).toEqual(one);
});

test('browsers that people switch on or off at any server are notified by all, also those of the same moment', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [await openServer(database), await openServer(database)];
  const [{ id }] = await Promise.all([one.subscribe('a'), other.subscribe('b'), one.subscribe('c')]);
  await vi.waitFor(() =>
    expect([one.endpoints().sort(), other.endpoints().sort()]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]),
  );
  await Promise.all([other.subscriptions.remove(id), one.subscriptions.quieten({ user: 'owner' }, 'door', 9e15)]);
  await vi.waitFor(() =>
    expect([one.endpoints().sort(), other.endpoints().sort()]).toEqual([
      ['b', 'c'],
      ['b', 'c'],
    ]),
  );
  expect(other.subscriptions.alive().map(({ quiet }) => quiet?.length)).toEqual([1, 1]);
});

test('a subscription whose session is not known here yet stays, and goes a minute after the session has ended', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [await openServer(database), await openServer(database)];
  one.people.sessions.add('new');
  await one.subscribe('a', 'new');
  other.people.sessions.add('new');
  await vi.waitFor(() => expect(other.endpoints()).toEqual(['a']));
  other.people.sessions.delete('new');
  expect([other.endpoints(), stored(database).length]).toEqual([[], 1]);
  other.people.sessions.add('new');
  expect(other.endpoints()).toEqual(['a']);
  for (const { people } of [one, other]) {
    people.sessions.delete('new');
  }
  expect(other.endpoints()).toEqual([]);
  await other.clock.advance(61_000);
  expect(other.endpoints()).toEqual([]);
  await vi.waitFor(() => expect(stored(database)).toEqual([]));
});

test('while a person is not known they are not notified, and none of their subscriptions is lost', async () => {
  const database = new MemoryDatabase();
  const one = await openServer(database);
  await one.subscribe('a');
  await one.subscribe('b', 's', 'anna');
  one.people.unknown.add('anna');
  for (const ms of [0, 61_000]) {
    await one.clock.advance(ms);
    expect(one.endpoints()).toEqual(['a']);
  }
  one.people.unknown.delete('anna');
  // Known again before the session is.
  one.people.sessions.delete('s');
  expect([one.endpoints(), stored(database).length]).toEqual([[], 2]);
  one.people.sessions.add('s');
  expect([one.endpoints(), stored(database).length]).toEqual([['a', 'b'], 2]);
});

test('what the database does not take is on at no server', async () => {
  const database = new MemoryDatabase();
  const one = await openServer(database);
  one.carrier.goAway();
  await expect(one.subscribe('a')).rejects.toThrow('the database is away');
  expect(one.endpoints()).toEqual([]);
});

test('a channel is that of all servers, with its secrets, and messages for a removed one are no longer sent', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [await openServer(database), await openServer(database)];
  const requests: string[] = [];
  await using sink = await openHttpSink(({ headers }) => {
    requests.push(String(headers.authorization));
    return { status: 503, text: 'later' };
  });
  const settings = { kind: 'ntfy', url: `${sink.url}/topic`, token: 'tk_secret' };
  const { id } = await one.channels.add({
    ...{ name: 'One', language: 'en', page: 'https://perch.example.net/', rules: RULES, settings },
  });
  await vi.waitFor(() => expect(other.channels.targets()).toHaveLength(1));
  const notice = { id: 'e', path: '', kind: 'person', startMs: 0, title: 'Perch', text: '' };
  const none = async () => undefined;
  await other.channels.targets()[0]?.send(notice, { full: none, thumbnail: none });
  await vi.waitFor(() => expect([requests, other.channels.list()[0]?.waiting]).toEqual([['Bearer tk_secret'], 1]));
  await one.channels.remove(id);
  await vi.waitFor(() => expect(other.channels.list()).toEqual([]));
  await other.clock.advance(600_000);
  expect(requests).toHaveLength(1);
});

/** A server whose cameras are those of `cameras`. */
function lazyServer(database: MemoryDatabase, cameras: { ready: boolean } = { ready: true }) {
  folders += 1;
  const dataDir = `/notifying-${folders}`;
  const carrier = database.server(dataDir);
  const clock = new FakeClock();
  const notifications = new LazyNotifications(
    {
      ...{ dataDir, clock, log: silentLogger, config: () => CONFIG, examines: () => [] },
      accounts: { person: () => undefined, people: { sessions: { list: () => [] }, users: {} } },
      paths: { list: () => [{ name: 'door', ready: cameras.ready, sourceState: 'running' }] },
      recordings: { events: { acted: { listen: () => () => {} } }, isClockTrusted: true, titleOf: () => 'Door' },
      pictures: { picture: async () => Promise.reject(new PerchError('unavailable', 'no picture')) },
    } as unknown as ConstructorParameters<typeof LazyNotifications>[0],
    {},
  );
  onTestFinished(() => notifications.close());
  return { carrier, clock, notifications };
}

test('a server without the database at its start opens notifications when that is back', async () => {
  const database = new MemoryDatabase();
  const { carrier, clock, notifications } = lazyServer(database);
  carrier.goAway();
  await notifications.begin();
  expect(database.rows.size).toBe(0);
  carrier.comeBack();
  await clock.advance(30_000);
  await vi.waitFor(() => expect([...database.rows.keys()]).toEqual(['push-key.json']));
});

test('of several servers that lose a camera one sends the message, and one does for its next outage', async () => {
  const database = new MemoryDatabase();
  const cameras = { ready: true };
  const servers = [lazyServer(database, cameras), lazyServer(database, cameras)];
  await using sink = await openHttpSink();
  for (const { notifications } of servers) {
    await notifications.begin();
  }
  const { channels } = (await servers[0]?.notifications.opened()) ?? {};
  await channels?.add({
    ...{ name: 'One', language: 'en', page: 'https://perch.example.net/' },
    ...{ rules: [{ cameras: 'all', kinds: ['offline'] }], settings: { kind: 'ntfy', url: `${sink.url}/t`, token: '' } },
  });
  const pass = async (ms: number) => {
    database.nowMs += ms;
    for (const { clock } of servers) {
      await clock.advance(ms);
    }
  };
  for (const outages of [1, 2]) {
    cameras.ready = true;
    await pass(10_000);
    cameras.ready = false;
    await pass(140_000);
    // The second one of both servers asks later.
    await pass(10_000);
    await vi.waitFor(() => expect(sink.requests).toHaveLength(outages));
  }
});
