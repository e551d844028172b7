import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { secretOfUri } from '../../../test/support/clients/authenticator-app.ts';
import { SoftwareAuthenticator } from '../../../test/support/clients/software-authenticator.ts';
import { silentLogger } from '../../base/log.ts';
import type { RelyingParty } from '../passkeys/passkey.ts';
import { Accounts } from './accounts.ts';
import { totpCode } from './second-factor.ts';

const PASSWORD = 'blue heron';
const HOME = { ip: '192.168.1.9', isPrivate: true };
const AWAY = { ip: '203.0.113.5', isPrivate: false };
const HERE: RelyingParty = { origin: 'https://perch.local:8443', host: 'perch.local' };
const PROXY: RelyingParty = { origin: 'https://cams.example.org', host: 'cams.example.org' };

let folder = '';
let clock = new FakeClock();
const open = () => Accounts.open({ dataDir: folder, clock, log: silentLogger });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-owner-passkey-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

type Creation = Parameters<SoftwareAuthenticator['create']>[0];
type Request = Parameters<SoftwareAuthenticator['get']>[0];

async function addPasskey(accounts: Accounts, place = HERE, browser = new SoftwareAuthenticator(place.origin)) {
  const options = accounts.secondFactorCheck.creation('owner', place) as Creation;
  const recovery = await accounts.secondFactorCheck.addPasskey('owner', 'Laptop', place, browser.create(options));
  return { browser, recovery };
}

/** An owner with a passkey. */
async function openWithPasskey() {
  const accounts = await open();
  await accounts.claim(PASSWORD, accounts.setup?.code, HOME);
  return { accounts, ...(await addPasskey(accounts)) };
}

const requestOf = (accounts: Accounts, relyingParty = HERE) =>
  accounts.secondFactorCheck.request('owner', relyingParty) as Request;
const logIn = (accounts: Accounts, browser: SoftwareAuthenticator, request: Request, relyingParty = HERE) =>
  accounts.logIn('owner', PASSWORD, { ...AWAY, passkey: { response: browser.get(request), relyingParty } });

test('the first passkey turns the second factor on and gives recovery codes, and logs in after a restart, too', async () => {
  const { accounts, browser, recovery } = await openWithPasskey();
  expect(recovery).toHaveLength(10);
  await expect(accounts.logIn('owner', PASSWORD, AWAY)).rejects.toMatchObject({ context: { why: 'codeNeeded' } });
  expect(requestOf(accounts)).toMatchObject({ rpId: 'perch.local', allowCredentials: [{ id: browser.id }] });
  expect(await logIn(accounts, browser, requestOf(accounts))).toHaveLength(43);
  const again = await open();
  expect(await logIn(again, browser, requestOf(again))).toHaveLength(43);
  expect(await again.logIn('owner', PASSWORD, { ...AWAY, code: recovery[0] ?? '' })).toHaveLength(43);
});

test('a passkey needs the password as well', async () => {
  const { accounts, browser } = await openWithPasskey();
  const passkey = { response: browser.get(requestOf(accounts)), relyingParty: HERE };
  await expect(accounts.logIn('owner', 'wrong', { ...AWAY, passkey })).rejects.toThrow('wrong password');
});

test('a challenge is valid once and for five minutes', async () => {
  const { accounts, browser } = await openWithPasskey();
  const request = requestOf(accounts);
  expect(await logIn(accounts, browser, request)).toHaveLength(43);
  await expect(logIn(accounts, browser, request)).rejects.toMatchObject({ context: { why: 'wrongPasskey' } });
  const late = requestOf(accounts);
  await clock.advance(5 * 60_000 + 1);
  await expect(logIn(accounts, browser, late)).rejects.toThrow('not accepted');
  const created = accounts.secondFactorCheck.creation('owner', HERE) as Creation;
  const asRequest = { challenge: created.challenge, rpId: 'perch.local', allowCredentials: [] };
  await expect(logIn(accounts, browser, asRequest)).rejects.toThrow('not accepted');
  await expect(logIn(accounts, browser, { ...asRequest, challenge: 'AAAA' })).rejects.toThrow('not accepted');
});

test('a passkey is accepted when the clock was set back since its last login', async () => {
  const { accounts, browser } = await openWithPasskey();
  expect(await logIn(accounts, browser, requestOf(accounts))).toHaveLength(43);
  clock.stepWall(-3_600_000);
  expect(await logIn(accounts, browser, requestOf(accounts))).toHaveLength(43);
});

test.for([
  ['another page', new SoftwareAuthenticator('https://perch.example.com')],
  ['another key', new SoftwareAuthenticator(HERE.origin)],
] as const)('the signature of %s is rejected', async ([, other]) => {
  const { accounts, browser } = await openWithPasskey();
  Object.assign(other, { id: browser.id });
  await expect(logIn(accounts, other, requestOf(accounts))).rejects.toThrow('not accepted');
});

test('a signature whose counter goes back is rejected: the passkey was copied', async () => {
  const { accounts, browser } = await openWithPasskey();
  browser.counter = 7;
  expect(await logIn(accounts, browser, requestOf(accounts))).toHaveLength(43);
  browser.counter = 3;
  await expect(logIn(accounts, browser, requestOf(accounts))).rejects.toThrow('not accepted');
});

test('each name of the box has its own passkeys', async () => {
  const { accounts, browser } = await openWithPasskey();
  expect(accounts.secondFactorCheck.request('owner', PROXY)).toBeUndefined();
  const outside = await addPasskey(accounts, PROXY);
  expect(outside.recovery).toEqual([]);
  expect(requestOf(accounts, PROXY).allowCredentials).toMatchObject([{ id: outside.browser.id }]);
  expect(await logIn(accounts, outside.browser, requestOf(accounts, PROXY), PROXY)).toHaveLength(43);
  await expect(logIn(accounts, browser, requestOf(accounts, PROXY), PROXY)).rejects.toThrow('not accepted');
});

test('a registration needs a challenge of this box, and a signed page', async () => {
  const { accounts } = await openWithPasskey();
  const add = (browser: SoftwareAuthenticator, options: Creation) =>
    accounts.secondFactorCheck.addPasskey('owner', 'Phone', HERE, browser.create(options));
  const options = accounts.secondFactorCheck.creation('owner', HERE) as Creation;
  await expect(add(new SoftwareAuthenticator('https://evil.example'), options)).rejects.toThrow('not accepted');
  await expect(add(new SoftwareAuthenticator(HERE.origin), options)).rejects.toThrow('not accepted');
  await expect(
    add(new SoftwareAuthenticator(HERE.origin), { challenge: 'AAAA', rp: { id: 'perch.local' } }),
  ).rejects.toThrow('not accepted');
  expect(accounts.people.secondFactor.passkeys).toHaveLength(1);
});

test('passkeys are listed with their last use and removed, the last one only with the second factor', async () => {
  const { accounts, browser } = await openWithPasskey();
  const { secondFactor } = accounts.people;
  expect(secondFactor.passkeys).toMatchObject([{ name: 'Laptop', host: 'perch.local', lastUsed: null }]);
  await clock.advance(60_000);
  await logIn(accounts, browser, requestOf(accounts));
  expect(secondFactor.passkeys).toMatchObject([{ lastUsed: clock.wallMs() }]);
  await expect(secondFactor.removePasskey(browser.id)).rejects.toMatchObject({ context: { why: 'last' } });
  const second = await addPasskey(accounts);
  await secondFactor.removePasskey(second.browser.id);
  await expect(secondFactor.removePasskey(second.browser.id)).rejects.toThrow('passkey not found');
  const { uri, setup } = secondFactor.begin('owner');
  await secondFactor.confirm(totpCode(secretOfUri(uri), Math.floor(clock.wallMs() / 30_000)), setup);
  await secondFactor.removePasskey(browser.id);
  expect([secondFactor.passkeys, secondFactor.hasApp]).toEqual([[], true]);
});

test('changes need password and second factor', async () => {
  const { accounts, browser } = await openWithPasskey();
  const confirm = (password: string, proof: object) => accounts.confirmFactor('owner', password, { ...HOME, ...proof });
  await expect(confirm(PASSWORD, {})).rejects.toMatchObject({ context: { why: 'codeNeeded' } });
  await expect(confirm(PASSWORD, { code: '000000' })).rejects.toThrow('wrong code');
  await expect(confirm('wrong', {})).rejects.toThrow('wrong password');
  await confirm(PASSWORD, { passkey: { response: browser.get(requestOf(accounts)), relyingParty: HERE } });
  const recovery = await accounts.people.secondFactor.renewRecovery();
  await confirm(PASSWORD, { code: recovery[0] });
});

test('at most twenty passkeys are kept', async () => {
  const { accounts } = await openWithPasskey();
  for (let i = 1; i < 20; i += 1) {
    await addPasskey(accounts);
  }
  await expect(addPasskey(accounts)).rejects.toThrow('there are 20 passkeys already');
});

test('a file that was tampered with is damaged as a whole: the password alone opens nothing', async () => {
  await openWithPasskey();
  const file = join(folder, 'second-factor.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"counter"', '"count"'));
  const accounts = await open();
  expect(accounts.secondFactorCheck.request('owner', HERE)).toBeUndefined();
  await expect(accounts.logIn('owner', PASSWORD, AWAY)).rejects.toMatchObject({ context: { why: 'codeNeeded' } });
});
