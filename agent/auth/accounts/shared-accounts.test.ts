import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { secretOfUri } from '../../../test/support/clients/authenticator-app.ts';
import { SoftwareAuthenticator } from '../../../test/support/clients/software-authenticator.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { Accounts } from './accounts.ts';
import { writeClaim } from './local-claim.ts';
import { forgetOwner } from './people.ts';
import { totpCode } from './second-factor.ts';
import { readSetup } from './setup-code.ts';

const TV = { name: 'tv', paths: 'all', live: true, recordings: false, publish: false, onvif: false } as const;
const CLIENT = { ip: '192.168.1.9', isPrivate: true };
const PASSWORD = 'blue heron';
const ANNA = {
  name: 'anna',
  cameras: 'all',
  live: true,
  recordings: true,
  talk: false,
  turn: false,
  switch: false,
} as const;
const LINK = { cameras: ['door'], live: true, recordings: false, note: '' };

/** Two servers with one database. The first has set the owner's password. */
async function startServers() {
  const clock = new FakeClock();
  const database = new MemoryDatabase();
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const open = async (name: string) => {
    const dataDir = join(folder.path, name);
    const carrier = database.server(dataDir);
    const accounts = await Accounts.open({ dataDir, clock, log: silentLogger });
    const reduced: string[] = [];
    accounts.people.onRightsReduced((user) => void reduced.push(user));
    return { dataDir, carrier, accounts, people: accounts.people, reduced };
  };
  const one = await open('one');
  const token = await one.accounts.claim(PASSWORD, one.accounts.setup?.code, CLIENT);
  return { clock, database, one, other: await open('other'), open, token };
}

test('a session of one server is valid on the other, and over there when it is revoked', async () => {
  const { one, other, token } = await startServers();
  expect(other.accounts.sessionUser(token)).toBe('owner');
  const [session] = other.people.sessions.list();
  await other.people.sessions.endById(session?.id ?? '', undefined);
  await vi.waitFor(() => expect(one.accounts.sessionUser(token)).toBeUndefined());
  expect(one.reduced).toEqual(['owner']);
});

test('a session of an earlier version, without id, has the same one on all servers, and is over on all when it ends', async () => {
  const { database, open, token } = await startServers();
  const { sessions } = JSON.parse(database.rows.get('sessions.json')?.json ?? '');
  database.put(
    'sessions.json',
    JSON.stringify({ sessions: sessions.map(({ id: _, ...rest }: { id: string }) => rest) }),
  );
  const [third, fourth] = [await open('third'), await open('fourth')];
  const [ids, others] = [third, fourth].map(({ people }) => people.sessions.list().map(({ id }) => id));
  expect(ids).toHaveLength(1);
  expect(others).toEqual(ids);
  expect(await fourth.people.sessions.endById(ids?.[0] ?? '', undefined)).toBe(true);
  await vi.waitFor(() => expect(third.accounts.sessionUser(token)).toBeUndefined());
});

test('a request with a token that another server has just handed out finds it', async () => {
  const { one, other } = await startServers();
  const token = await one.accounts.logIn('owner', PASSWORD, CLIENT);
  await other.accounts.learnSession(token);
  expect(other.accounts.sessionUser(token)).toBe('owner');
});

test('a login counts what another server has just changed: a new person gets in, a former password does not', async () => {
  const { one, other } = await startServers();
  // The other server does not hear of it.
  vi.spyOn(other.carrier, 'tell').mockImplementation(() => {});
  await one.people.addUser(ANNA, 'green heron');
  expect(await other.accounts.logIn('anna', 'green heron', CLIENT)).toHaveLength(43);
  await one.people.setPassword('anna', 'grey heron');
  await expect(other.accounts.logIn('anna', 'green heron', CLIENT)).rejects.toThrow('wrong password');
  expect(await other.accounts.logIn('anna', 'grey heron', CLIENT)).toHaveLength(43);
});

test('logins on both servers at once keep both sessions', async () => {
  const { one, other } = await startServers();
  const tokens = await Promise.all(
    [one, other, one, other].map(({ accounts }) => accounts.logIn('owner', PASSWORD, CLIENT)),
  );
  await vi.waitFor(() => {
    for (const { accounts } of [one, other]) {
      expect(tokens.map((token) => accounts.sessionUser(token))).toEqual(Array(4).fill('owner'));
    }
  });
});

test('a token that is renewed on one server is valid on the other, as the former one while requests are under way', async () => {
  const { one, other, clock, token } = await startServers();
  await clock.advance(86_400_000);
  const next = (await one.accounts.renewal(token, CLIENT.ip)) ?? '';
  expect(next).not.toBe('');
  await other.accounts.learnSession(next);
  expect(other.accounts.sessionUser(next)).toBe('owner');
  await vi.waitFor(() => expect(one.people.sessions.list()).toHaveLength(1));
  expect([one, other].map(({ accounts }) => accounts.sessionUser(token))).toEqual(['owner', 'owner']);
  await clock.advance(60_000);
  expect([one, other].map(({ accounts }) => accounts.sessionUser(token))).toEqual([undefined, undefined]);
  expect([one, other].map(({ accounts }) => accounts.sessionUser(next))).toEqual(['owner', 'owner']);
});

test('people, links and device passwords of one server are those of the other, and what is revoked ends there', async () => {
  const { one, other, clock } = await startServers();
  await one.people.addUser(ANNA, 'green heron');
  const link = await one.people.addGuest({ ...LINK, untilMs: clock.wallMs() + 3_600_000 });
  const { item } = await one.people.addDevice(TV);
  await vi.waitFor(() => expect(other.accounts.person('anna')?.may('read', 'door')).toBe(true));
  await vi.waitFor(() => expect(other.accounts.guest(link.token)?.name).toBe(`guest:${link.item.id}`));
  await vi.waitFor(() => expect(other.accounts.device('tv')?.may('read', 'door')).toBe(true));
  await one.people.changeUser('anna', { cameras: ['garden'] });
  await one.people.removeGuest(link.item.id);
  await one.people.removeDevice(item.id);
  await vi.waitFor(() => expect(other.accounts.person('anna')?.may('read', 'door')).toBe(false));
  await vi.waitFor(() => expect(other.accounts.guest(link.token)).toBeUndefined());
  await vi.waitFor(() => expect(other.accounts.device('tv')).toBeUndefined());
  expect(other.reduced).toEqual(expect.arrayContaining(['anna', `guest:${link.item.id}`]));
});

test('both servers cannot set an owner, nor add two people of one name', async () => {
  const { one, other } = await startServers();
  const results = await Promise.allSettled([one, other].map(({ people }) => people.addUser(ANNA, 'green heron')));
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect(other.people.users.setOwner('red heron')).rejects.toThrow('already has an owner');
});

test('a code of the second factor is accepted by one server alone; its setup ends at another one than it began', async () => {
  const { one, other, clock } = await startServers();
  const { uri, setup } = other.people.secondFactor.begin('owner');
  const code = totpCode(secretOfUri(uri), Math.floor(clock.wallMs() / 30_000));
  const codes = await one.people.secondFactor.confirm(code, setup);
  await vi.waitFor(() => expect(other.people.secondFactor.recoveryLeft).toBe(10));
  const used = await Promise.all([one, other].map(({ people }) => people.secondFactor.accept(codes[0] ?? '')));
  expect(used.sort()).toEqual([false, true]);
});

test('a passkey that is registered and used at two servers is accepted, and what it has signed by one of them, once', async () => {
  const { one, other } = await startServers();
  const place = { origin: 'https://perch.example', host: 'perch.example' };
  const browser = new SoftwareAuthenticator(place.origin);
  const options = one.accounts.secondFactorCheck.creation('owner', place);
  await other.accounts.secondFactorCheck.addPasskey('owner', 'Laptop', place, browser.create(options as never));
  await vi.waitFor(() => expect(one.people.secondFactor.passkeys).toHaveLength(1));
  const request = one.accounts.secondFactorCheck.request('owner', place);
  const passkey = { response: browser.get(request as never), relyingParty: place };
  const logins = await Promise.allSettled(
    [other, one].map(({ accounts }) => accounts.logIn('owner', PASSWORD, { ...CLIENT, passkey })),
  );
  expect(logins.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('while the database is away sessions go on for two minutes, and logins do not say where it is', async () => {
  const { one, token } = await startServers();
  one.carrier.goAway("database 'perch' at db.example.org:5432: it rejects the password of user 'perch'");
  expect(one.accounts.sessionUser(token)).toBe('owner');
  const refused = {
    message: 'nobody can log in now: the database does not answer',
    cause: expect.stringContaining('db.example.org:5432'),
  };
  await expect(one.accounts.logIn('owner', PASSWORD, CLIENT)).rejects.toMatchObject(refused);
  await expect(one.people.sessions.create('owner', CLIENT)).rejects.toMatchObject(refused);
  one.carrier.age();
  expect([one.accounts.sessionUser(token), one.accounts.person('owner')]).toEqual([undefined, undefined]);
  expect(one.people.knows('owner')).toBe(false);
  expect(one.reduced).toContain('owner');
  one.carrier.comeBack();
  expect(one.accounts.sessionUser(token)).toBe('owner');
});

test('a server whose people are gone from the database cannot be claimed, and works again when they are back', async () => {
  const { database, one, token } = await startServers();
  const stored = database.rows.get('users.json')?.json;
  database.rows.delete('users.json');
  one.carrier.tell('users.json');
  await vi.waitFor(() => expect(one.accounts.person('owner')).toBeUndefined());
  expect([one.accounts.owner, one.accounts.mayClaim]).toEqual(['owner', false]);
  expect(one.reduced).toContain('owner');
  await expect(one.accounts.logIn('owner', PASSWORD, CLIENT)).rejects.toThrow('the database has no people any more');
  await expect(one.people.users.setOwner('red heron')).rejects.toThrow('already has an owner');
  one.carrier.tell('users.json');
  database.put('users.json', stored);
  await vi.waitFor(() => expect(one.accounts.sessionUser(token)).toBe('owner'));
});

test('a session and a link that are revoked while the database is away end at once, and everywhere when it is back', async () => {
  const { one, other, clock, token } = await startServers();
  const link = await one.people.addGuest({ ...LINK, untilMs: clock.wallMs() + 3_600_000 });
  await vi.waitFor(() => expect(other.accounts.guest(link.token)).toBeDefined());
  one.carrier.goAway();
  const [session] = one.people.sessions.list();
  await expect(one.people.sessions.endById(session?.id ?? '', undefined)).rejects.toMatchObject({
    code: 'unavailable',
  });
  await expect(one.people.removeGuest(link.item.id)).rejects.toMatchObject({ code: 'unavailable' });
  expect([one.accounts.sessionUser(token), one.accounts.guest(link.token)]).toEqual([undefined, undefined]);
  one.carrier.comeBack();
  await vi.waitFor(() => expect(other.accounts.sessionUser(token)).toBeUndefined());
  await vi.waitFor(() => expect(other.accounts.guest(link.token)).toBeUndefined());
  expect([one.accounts.sessionUser(token), one.accounts.guest(link.token)]).toEqual([undefined, undefined]);
});

test('people and devices that are removed while the database is away have no access here, and nowhere when it is back', async () => {
  const { one, other } = await startServers();
  await one.people.addUser(ANNA, 'green heron');
  const { item } = await one.people.addDevice(TV);
  const anna = await one.accounts.logIn('anna', 'green heron', CLIENT);
  await vi.waitFor(() => expect(other.accounts.sessionUser(anna)).toBe('anna'));
  one.carrier.goAway();
  await expect(one.people.removeUser('anna')).rejects.toThrow('it is revoked on this server');
  await expect(one.people.removeDevice(item.id)).rejects.toThrow('it is revoked on this server');
  expect([one.accounts.sessionUser(anna), one.accounts.person('anna'), one.accounts.device('tv')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(one.reduced).toContain('anna');
  one.carrier.comeBack();
  await vi.waitFor(() => expect(other.accounts.person('anna')).toBeUndefined());
  await vi.waitFor(() => expect(other.accounts.device('tv')).toBeUndefined());
  await vi.waitFor(() => expect(one.people.users.viewers).toEqual([]));
});

test('a person who is removed, then changed and removed again while the database is away stays removed', async () => {
  const { one, other } = await startServers();
  await one.people.addUser(ANNA, 'green heron');
  await vi.waitFor(() => expect(other.accounts.person('anna')).toBeDefined());
  one.carrier.goAway();
  const notSaved = 'it is revoked on this server';
  await expect(one.people.removeUser('anna')).rejects.toThrow(notSaved);
  await expect(one.people.changeUser('anna', { cameras: ['door'] })).rejects.toThrow(notSaved);
  await expect(one.people.removeUser('anna')).rejects.toThrow(notSaved);
  await expect(one.people.changeUser('anna', {}, 'grey heron 7')).rejects.toThrow(notSaved);
  one.carrier.comeBack();
  await vi.waitFor(() => expect(other.accounts.person('anna')).toBeUndefined());
  await vi.waitFor(() => expect(one.people.users.isBlocked('anna')).toBe(false));
  expect(one.people.users.viewers).toEqual([]);
});

test('of two revocations of rights while the database is away both hold when it is back', async () => {
  const { one, other } = await startServers();
  await one.people.addUser(ANNA, 'green heron');
  await vi.waitFor(() => expect(other.accounts.person('anna')).toBeDefined());
  one.carrier.goAway();
  const notSaved = 'it is revoked on this server';
  await expect(one.people.changeUser('anna', { cameras: ['door'] })).rejects.toThrow(notSaved);
  await expect(one.people.changeUser('anna', { recordings: false })).rejects.toThrow(notSaved);
  one.carrier.comeBack();
  await vi.waitFor(() => expect(other.people.users.viewers).toMatchObject([{ cameras: ['door'], recordings: false }]));
});

test('fewer rights while the database is away are none until it is back, with the same session, and more rights fail without a loss', async () => {
  const { one, other } = await startServers();
  await one.people.addUser({ ...ANNA, cameras: ['door', 'garden'] }, 'green heron');
  const anna = await one.accounts.logIn('anna', 'green heron', CLIENT);
  one.carrier.goAway();
  await expect(one.people.changeUser('anna', { cameras: 'all' })).rejects.toThrow('the database is away');
  expect(one.accounts.person('anna')?.may('read', 'door')).toBe(true);
  await expect(one.people.changeUser('anna', { cameras: ['door'] })).rejects.toThrow('it is revoked on this server');
  expect([one.accounts.person('anna'), one.accounts.sessionUser(anna)]).toEqual([undefined, undefined]);
  expect(one.reduced).toContain('anna');
  expect(['anna', 'owner'].map((name) => one.people.knows(name))).toEqual([false, true]);
  one.carrier.comeBack();
  await vi.waitFor(() => expect(one.accounts.person('anna')?.may('read', 'door')).toBe(true));
  expect([one.accounts.sessionUser(anna), one.people.knows('anna')]).toEqual(['anna', true]);
  await vi.waitFor(() => expect(other.accounts.person('anna')?.may('read', 'garden')).toBe(false));
});

test('what is revoked while the database is away holds after a kill of the server, and is saved by its next start', async () => {
  const { one, other, open, clock, token } = await startServers();
  await one.people.addUser(ANNA, 'green heron');
  await one.people.addUser({ ...ANNA, name: 'bert' }, 'green heron');
  await one.people.addUser({ ...ANNA, name: 'cleo' }, 'green heron');
  const { item } = await one.people.addDevice(TV);
  const link = await one.people.addGuest({ ...LINK, untilMs: clock.wallMs() + 3_600_000 });
  const phone = await one.accounts.logIn('owner', PASSWORD, CLIENT);
  await vi.waitFor(() => expect(other.accounts.sessionUser(phone)).toBe('owner'));
  // For good: this process is killed.
  one.carrier.goAway();
  const isNotSaved = expect.objectContaining({ code: 'unavailable' });
  const revocations = await Promise.allSettled([
    one.people.removeUser('anna'),
    one.people.changeUser('bert', { cameras: ['door'] }),
    one.people.changeUser('cleo', {}, 'grey heron 7'),
    one.people.removeDevice(item.id),
    one.people.removeGuest(link.item.id),
    one.people.sessions.endById(one.people.sessions.idOf(phone) ?? '', undefined),
  ]);
  expect(revocations).toEqual(Array(6).fill({ status: 'rejected', reason: isNotSaved }));
  const again = await open('one');
  for (const { accounts, people } of [again, other]) {
    await vi.waitFor(() => expect(accounts.sessionUser(phone)).toBeUndefined());
    await vi.waitFor(() => expect(accounts.guest(link.token)).toBeUndefined());
    await vi.waitFor(() => expect(accounts.device('tv')).toBeUndefined());
    await vi.waitFor(() => expect(people.users.viewers).toMatchObject([{ cameras: ['door'] }, { cameras: 'all' }]));
    expect(accounts.sessionUser(token)).toBe('owner');
  }
  expect(again.people.users.isBlocked('bert')).toBe(false);
  await expect(again.accounts.logIn('cleo', 'green heron', CLIENT)).rejects.toThrow('wrong password');
  await again.accounts.logIn('cleo', 'grey heron 7', CLIENT);
});

test('a server does not start with revocations that it cannot save', async () => {
  const { one, database, open } = await startServers();
  await one.people.addUser(ANNA, 'green heron');
  one.carrier.goAway();
  await expect(one.people.removeUser('anna')).rejects.toThrow('it is revoked on this server');
  const put = vi.spyOn(database, 'put').mockImplementation(() => {
    throw new PerchError('unavailable', 'the database is away');
  });
  await expect(open('one')).rejects.toThrow('the database is away');
  put.mockRestore();
  expect((await open('one')).people.users.viewers).toEqual([]);
});

test('servers that start at once sign with the same key', async () => {
  const { one, open } = await startServers();
  const [third, fourth] = await Promise.all([open('third'), open('fourth')]);
  const signatures = [one, third, fourth].map(({ people }) => people.key.sign('guest', 'text'));
  expect(new Set(signatures).size).toBe(1);
});

/** Both servers run, and `perch reset-password` has removed the owner at a third one. */
async function forgetOwnerOf(servers: Awaited<ReturnType<typeof startServers>>) {
  const stopped = await servers.open('stopped');
  expect(await forgetOwner(stopped.dataDir)).toBe(true);
  for (const { accounts } of [servers.one, servers.other]) {
    await vi.waitFor(() => expect(accounts.setup?.code).toMatch(/^.{4}-.{4}$/));
  }
}

test('a running server whose owner was removed at another one can be claimed with a code of its own, once', async () => {
  const servers = await startServers();
  const { one, other } = servers;
  await other.accounts.setUrl('http://192.168.1.5:8080');
  const ownerless = vi.fn();
  other.accounts.onOwnerless(ownerless);
  await forgetOwnerOf(servers);
  expect(ownerless).toHaveBeenCalledTimes(1);
  const codes = [one, other].map(({ accounts }) => accounts.setup?.code ?? '');
  expect(new Set(codes).size).toBe(2);
  await vi.waitFor(async () =>
    expect(await readSetup(other.dataDir)).toEqual({ code: codes[1], url: 'http://192.168.1.5:8080' }),
  );
  await expect(other.accounts.claim(PASSWORD, codes[0], CLIENT)).rejects.toThrow('wrong setup code');
  const claims = await Promise.allSettled(
    [one, other].map(({ accounts }, at) => accounts.claim(`${PASSWORD} ${at}`, codes[at], CLIENT)),
  );
  expect(claims.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  for (const [at, { accounts, dataDir }] of [one, other].entries()) {
    await vi.waitFor(() => expect(accounts.owner).toBe('owner'));
    await expect(accounts.claim(PASSWORD, codes[at], CLIENT)).rejects.toThrow('already has an owner');
    await vi.waitFor(async () => expect(await readSetup(dataDir)).toBeUndefined());
  }
});

test('a setup code from before a claim at another server is void when the owner is removed again', async () => {
  const servers = await startServers();
  const { one, other } = servers;
  await forgetOwnerOf(servers);
  const old = other.accounts.setup?.code;
  await one.accounts.claim(PASSWORD, one.accounts.setup?.code, CLIENT);
  await vi.waitFor(() => expect(other.accounts.owner).toBe('owner'));
  await forgetOwnerOf(servers);
  await expect(other.accounts.claim(PASSWORD, old, CLIENT)).rejects.toThrow('wrong setup code');
  await other.accounts.claim(PASSWORD, other.accounts.setup?.code, CLIENT);
});

test('perch claim sets the password at a running server whose owner was removed at another one', async () => {
  const servers = await startServers();
  const { other, clock } = servers;
  const stop = other.accounts.awaitOwner();
  await forgetOwnerOf(servers);
  await writeClaim(other.dataDir, 'grey heron');
  await clock.advance(500);
  await vi.waitFor(() => expect(other.accounts.owner).toBe('owner'));
  stop();
  await other.accounts.logIn('owner', 'grey heron', CLIENT);
});
