import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { sessionTables } from '../../../test/support/harness/http/session-tables.ts';
import { SessionRevocation } from './session-revocation.ts';

interface Session {
  readonly id: string;
  readonly path: string;
  readonly user: string;
  readonly created: string;
  readonly state?: string;
}

const created = '2026-01-01T00:00:00Z';

const GUEST = 'guest:AbCdEfGh-_123456';

function open() {
  const rights = new Map<string, string[]>([
    ['eve', ['door', 'yard']],
    [GUEST, ['door']],
  ]);
  let sessions: readonly Session[] = [
    { id: '1', path: 'door', user: 'eve', created },
    { id: '2', path: 'yard', user: 'eve', created },
    { id: '3', path: 'door', user: GUEST, created },
    { id: '4', path: 'door', user: 'guest:of another server', created },
    { id: '5', path: 'door', user: '', created },
  ];
  let tell: (name: string, isLoggedOut: boolean) => void = () => {};
  let revoke: (user: string) => void = () => {};
  const clock = new FakeClock();
  const watchers = {
    person: (name: string) =>
      rights.has(name)
        ? { may: (_action: string, path: string) => rights.get(name)?.includes(path) === true }
        : undefined,
    people: {
      onRightsReduced: (listener: typeof tell) => {
        tell = listener;
      },
      onDeviceRevoked: (listener: typeof revoke) => {
        revoke = listener;
      },
    },
  };
  const server = {
    list: () => sessions,
    kick: (id: string) => {
      sessions = sessions.filter((session) => session.id !== id);
      return true;
    },
  };
  let publishers: readonly Session[] = [
    { id: '6', path: 'yard', user: 'frigate', created, state: 'publish' },
    { id: '7', path: 'yard', user: 'eve', created, state: 'publish' },
  ];
  const publishing = {
    list: () => publishers,
    kick: (id: string) => {
      publishers = publishers.filter((session) => session.id !== id);
      return true;
    },
  };
  const tables = sessionTables({ hlssessions: server, rtspsessions: publishing });
  const revocation = new SessionRevocation(watchers, tables, clock);
  return {
    rights,
    clock,
    revocation,
    tell: (name: string, isLoggedOut = false) => tell(name, isLoggedOut),
    revoke: (user: string) => revoke(user),
    publishing: () => publishers.map(({ id }) => id).join(' '),
    watching: () => sessions.map(({ id }) => id).join(' '),
  };
}

test('a device whose password is revoked loses everything that it plays and publishes', () => {
  const { revoke, watching, publishing } = open();
  revoke('frigate');
  expect([watching(), publishing()]).toEqual(['1 2 3 4 5', '7']);
});

test('a viewer with reduced rights loses only the sessions without permission', () => {
  const { rights, tell, watching } = open();
  rights.set('eve', ['door']);
  tell('eve');
  expect(watching()).toBe('1 3 4 5');
  rights.delete('eve');
  tell('eve');
  expect(watching()).toBe('3 4 5');
});

test('a revoked login ends all streams of its user, despite remaining permissions, and no others', () => {
  const { tell, watching } = open();
  tell('eve', true);
  expect(watching()).toBe('3 4 5');
});

test('an expired guest loses the session within ten seconds, and no other user does', async () => {
  const { rights, clock, watching } = open();
  await clock.advance(60_000);
  expect(watching()).toBe('1 2 3 4 5');
  rights.delete(GUEST);
  await clock.advance(10_000);
  expect(watching()).toBe('1 2 4 5');
});

test('after the end nothing is checked', async () => {
  const { rights, clock, revocation, watching } = open();
  revocation.close();
  rights.delete(GUEST);
  await clock.advance(60_000);
  expect(watching()).toBe('1 2 3 4 5');
});

test('a program that publishes over RTSP continues when a login of the owner of its password is revoked', () => {
  const clock = new FakeClock();
  const kicked: string[] = [];
  const sessions = ['read', 'publish', 'idle'].map((state) => ({
    id: state,
    path: 'door',
    user: 'eve',
    created,
    state,
  }));
  const rtsp = { list: () => sessions, kick: (id: string) => kicked.push(id) > 0 };
  let tell = (_name: string, _isLoggedOut: boolean): void => {};
  const people = {
    onRightsReduced: (listener: typeof tell) => {
      tell = listener;
    },
    onDeviceRevoked: () => {},
  };
  const tables = sessionTables({ rtspsessions: rtsp });
  new SessionRevocation({ person: () => ({ may: () => true }), people }, tables, clock);
  tell('eve', true);
  expect(kicked).toEqual(['read', 'idle']);
});

test.for([
  { lost: 'playback', left: 'read', ended: ['replay'] },
  { lost: 'read', left: 'playback', ended: ['live'] },
])('without the right $lost, $ended ends, and what needs $left continues', async ({ left, ended }) => {
  const rights = new Map([
    ['eve', new Set(['read', 'playback'])],
    [GUEST, new Set(['read', 'playback'])],
    ['server:2', new Set(['read', 'playback'])],
  ]);
  const kicked: string[] = [];
  const sessions = [...rights.keys()].flatMap((user) => [
    { id: `${user} live`, path: 'door', user, created, state: 'read' },
    { id: `${user} replay`, path: 'door', user, created, state: 'idle', action: 'playback' as const },
  ]);
  const kick = (id: string) => kicked.push(id) > 0;
  const person = (user: string) => ({ may: (action: string) => rights.get(user)?.has(action) === true });
  let [tell, reduced] = [
    (_name: string, _isLoggedOut: boolean): void => {},
    (_id: string, _isGone: boolean): void => {},
  ];
  const people = {
    onRightsReduced: (listener: typeof tell) => {
      tell = listener;
    },
    onDeviceRevoked: () => {},
  };
  const clock = new FakeClock();
  const revocation = new SessionRevocation(
    { person, people },
    sessionTables({ rtspsessions: { list: () => sessions, kick } }),
    clock,
  );
  const onReduced = (listener: typeof reduced) => {
    reduced = listener;
  };
  revocation.follow({ onReduced, find: (id) => ({ name: id, ...person(`server:${id}`) }) });
  await clock.advance(10_000);
  expect(kicked).toEqual([]);
  for (const user of rights.keys()) {
    rights.set(user, new Set([left]));
  }
  tell('eve', false);
  await clock.advance(10_000);
  reduced('2', false);
  expect(kicked).toEqual(['eve', GUEST, 'server:2'].map((user) => `${user} ${ended[0]}`));
});
