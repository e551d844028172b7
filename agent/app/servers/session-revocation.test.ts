import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { Departures, withoutPublishers } from './session-revocation.ts';

interface Session {
  readonly id: string;
  readonly path: string;
  readonly user: string;
}

const GUEST = 'guest:AbCdEfGh-_123456';

function open() {
  const rights = new Map<string, string[]>([
    ['eve', ['door', 'yard']],
    [GUEST, ['door']],
  ]);
  let sessions: readonly Session[] = [
    { id: '1', path: 'door', user: 'eve' },
    { id: '2', path: 'yard', user: 'eve' },
    { id: '3', path: 'door', user: GUEST },
    { id: '4', path: 'door', user: 'guest:of another server' },
    { id: '5', path: 'door', user: '' },
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
      onLess: (listener: typeof tell) => {
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
    { id: '6', path: 'yard', user: 'frigate' },
    { id: '7', path: 'yard', user: 'eve' },
  ];
  const publishing = {
    list: () => publishers,
    kick: (id: string) => {
      publishers = publishers.filter((session) => session.id !== id);
      return true;
    },
  };
  const departures = new Departures(
    watchers,
    () => ({ watching: [undefined, server], all: [undefined, server, publishing] }),
    clock,
  );
  return {
    rights,
    clock,
    departures,
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

test('a viewer who may see less loses what he may not see, and nothing else', () => {
  const { rights, tell, watching } = open();
  rights.set('eve', ['door']);
  tell('eve');
  expect(watching()).toBe('1 3 4 5');
  rights.delete('eve');
  tell('eve');
  expect(watching()).toBe('3 4 5');
});

test('somebody from whom a log-in was taken loses every picture that he has, with the rights he has still, and nobody else does', () => {
  const { tell, watching } = open();
  tell('eve', true);
  expect(watching()).toBe('3 4 5');
});

test('a guest whose time is over loses his picture within ten seconds, and nobody else, whatever his token calls him', async () => {
  const { rights, clock, watching } = open();
  await clock.advance(60_000);
  expect(watching()).toBe('1 2 3 4 5');
  rights.delete(GUEST);
  await clock.advance(10_000);
  expect(watching()).toBe('1 2 4 5');
});

test('nothing is looked at any more after the end', async () => {
  const { rights, clock, departures, watching } = open();
  departures.close();
  rights.delete(GUEST);
  await clock.advance(60_000);
  expect(watching()).toBe('1 2 3 4 5');
});

test('a program that publishes over RTSP goes on when a log-in is taken from the person whose password it has', () => {
  const clock = new FakeClock();
  const kicked: string[] = [];
  const sessions = ['read', 'publish', 'idle'].map((state) => ({ id: state, path: 'door', user: 'eve', state }));
  const rtsp = withoutPublishers({ list: () => sessions, kick: (id: string) => kicked.push(id) > 0 });
  let tell = (_name: string, _isLoggedOut: boolean): void => {};
  const people = {
    onLess: (listener: typeof tell) => {
      tell = listener;
    },
    onDeviceRevoked: () => {},
  };
  const servers = () => ({ watching: [rtsp, withoutPublishers(undefined)], all: [] });
  new Departures({ person: () => ({ may: () => true }), people }, servers, clock);
  tell('eve', true);
  expect(kicked).toEqual(['read', 'idle']);
});
