import type { InjectOptions } from 'fastify';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type HttpHarness, openHttpHarness } from '../../../../test/support/harness/http/http-harness.ts';
import { MEDIAMTX_USERS } from '../../../config/schema/common/general.ts';

const PASSWORD = 'blue heron';
const HOME = { host: '192.168.1.2:8080' };
const DAY_MS = 86_400_000;

/** Cookies of a browser, and the page's own header on each request. */
class Browser {
  readonly #box: HttpHarness;
  readonly #cookies = new Map<string, string>();
  readonly #address: string;

  constructor(box: HttpHarness, address = '192.168.1.9') {
    this.#box = box;
    this.#address = address;
  }

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) {
    const headers = {
      ...HOME,
      origin: 'http://192.168.1.2:8080',
      cookie: this.cookie,
      'user-agent': 'Firefox/140.0 (Linux)',
    };
    const options: InjectOptions = { method, url, headers, remoteAddress: this.#address };
    const answer = await this.#box.app.inject(payload === undefined ? options : { ...options, payload });
    for (const { name, value } of answer.cookies) {
      value === '' ? this.#cookies.delete(name) : this.#cookies.set(name, value);
    }
    return answer;
  }

  async status(...request: Parameters<Browser['ask']>): Promise<number> {
    return (await this.ask(...request)).statusCode;
  }

  async logIn(user: string, password: string): Promise<this> {
    expect(await this.status('POST', '/v3/session', { user, password })).toBe(200);
    return this;
  }
}

/** A box with two cameras, whose media are at `/watch/NAME` and `/recorded/NAME`. */
async function openBox(options: Parameters<typeof openHttpHarness>[0] = {}) {
  const box = await openHttpHarness({ password: PASSWORD, ...options });
  box.app.all<{ Params: { '*': string } }>('/watch/*', async (request) => {
    await box.access.require(request, 'read', request.params['*']);
    return 'picture';
  });
  box.app.get<{ Params: { '*': string } }>('/recorded/*', async (request) => {
    await box.access.require(request, 'playback', request.params['*']);
    return 'recording';
  });
  box.app.get('/v3/info', async (request) => {
    await box.access.require(request, 'api', '');
    return {};
  });
  return box;
}

const given = (value: boolean) => ({ talk: value, turn: value, switch: value });

test('a viewer sees the cameras that the owner has chosen, and no settings', async () => {
  await using box = await openBox();
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  expect(await owner.status('POST', '/v3/users', { name: 'eve', password: 'red kite', cameras: ['door'] })).toBe(200);
  const eve = await new Browser(box, '203.0.113.5').logIn('eve', 'red kite');
  const asks = async (browser: Browser) =>
    Promise.all(
      [
        '/watch/door',
        '/watch/door_sub',
        '/recorded/door',
        '/watch/yard',
        '/v3/info',
        '/v3/users',
        '/v3/guests',
        '/v3/sessions',
      ].map((url) => browser.status('GET', url)),
    );
  expect(await asks(eve)).toEqual([200, 200, 401, 401, 401, 401, 401, 200]);
  expect(await asks(owner)).toEqual([200, 200, 200, 200, 200, 200, 200, 200]);
  expect((await eve.ask('GET', '/v3/session')).json()).toMatchObject({
    loggedIn: true,
    user: 'eve',
    role: 'viewer',
    mayLook: true,
  });
  expect((await owner.ask('GET', '/v3/users')).json().items).toEqual([
    { name: 'owner', role: 'owner', cameras: 'all', live: true, recordings: true, ...given(true) },
    { name: 'eve', role: 'viewer', cameras: ['door'], live: true, recordings: false, ...given(false) },
  ]);
  for (const [method, url] of [
    ['POST', '/v3/users'],
    ['PATCH', '/v3/users/eve'],
    ['DELETE', '/v3/users/eve'],
    ['POST', '/v3/users/eve/restore'],
    ['POST', '/v3/guests'],
  ] as const) {
    expect(await eve.status(method, url, {})).toBe(401);
  }

  expect(await owner.status('PATCH', '/v3/users/eve', { cameras: 'all', recordings: true })).toBe(200);
  expect(await asks(eve)).toEqual([200, 200, 200, 200, 401, 401, 401, 200]);
  expect(await owner.status('DELETE', '/v3/users/eve')).toBe(200);
  expect(await asks(eve)).toEqual(Array(8).fill(401));

  expect(await owner.status('POST', '/v3/users/eve/restore', {})).toBe(200);
  // Restoring the user does not restore the sessions.
  expect(await asks(eve)).toEqual(Array(8).fill(401));
  await eve.logIn('eve', 'red kite');
  expect(await asks(eve)).toEqual([200, 200, 200, 200, 401, 401, 401, 200]);
  expect(await owner.status('POST', '/v3/users/eve/restore', {})).toBe(404);
});

test('a name matches in composed and decomposed form', async () => {
  await using box = await openBox();
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  const [composed, apart] = ['J\u00fcrgen', 'Ju\u0308rgen'];
  expect(await owner.status('POST', '/v3/users', { name: apart, password: 'red kite' })).toBe(200);
  for (const name of [composed, apart]) {
    const browser = await new Browser(box).logIn(name, 'red kite');
    expect((await browser.ask('GET', '/v3/session')).json()).toMatchObject({ user: composed });
    const url = `/v3/users/${encodeURIComponent(name)}`;
    expect(await owner.status('PATCH', url, { recordings: true })).toBe(200);
  }
  expect(await owner.status('DELETE', `/v3/users/${encodeURIComponent(apart)}`)).toBe(200);
});

test('sessions are listed and ended: all by the owner, their own by viewers', async () => {
  await using box = await openBox();
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  await box.accounts.people.addUser({ name: 'eve', cameras: 'all', live: true, recordings: true }, 'red kite');
  const eve = await new Browser(box, '203.0.113.5').logIn('eve', 'red kite');
  const listed = async (browser: Browser) => (await browser.ask('GET', '/v3/sessions')).json().items;
  const ofEve = await listed(eve);
  expect(ofEve).toEqual([
    expect.objectContaining({ user: 'eve', address: '203.0.113.5', device: 'Firefox, Linux', current: true }),
  ]);
  const all = await listed(owner);
  // The claim's session is another one.
  expect(all.map(({ user, current }: { user: string; current: boolean }) => [user, current])).toEqual([
    ['owner', true],
    ['eve', false],
    ['owner', false],
  ]);
  const ownersOwn = all.find(({ current }: { current: boolean }) => current).id;
  expect(await eve.status('DELETE', `/v3/sessions/${ownersOwn}`)).toBe(404);
  expect(await owner.status('DELETE', `/v3/sessions/${ofEve[0].id}`)).toBe(200);
  expect(await eve.status('GET', '/watch/door')).toBe(401);
  expect(await owner.status('GET', '/watch/door')).toBe(200);
});

test("a new password requires the old one and ends the user's other sessions", async () => {
  await using box = await openBox();
  const [phone, tablet] = [
    await new Browser(box).logIn('owner', PASSWORD),
    await new Browser(box).logIn('owner', PASSWORD),
  ];
  const change = (oldPassword: string, newPassword: string) =>
    phone.ask('POST', '/v3/session/password', { oldPassword, newPassword });
  const refused = await change('wrong', 'grey heron');
  // 401 would mean that the session has ended.
  expect([refused.statusCode, refused.json()]).toEqual([403, { status: 'error', error: 'wrong password' }]);
  expect((await change(PASSWORD, 'short')).json().error).toContain('at least 8 are needed');
  expect((await change(PASSWORD, 'grey heron')).statusCode).toBe(200);
  expect([await phone.status('GET', '/watch/door'), await tablet.status('GET', '/watch/door')]).toEqual([200, 401]);
  expect(await tablet.status('POST', '/v3/session', { password: PASSWORD })).toBe(401);
  await tablet.logIn('owner', 'grey heron');
});

test('a session in use gets a new token each day, transparently for the browser', async () => {
  const clock = new FakeClock();
  await using box = await openBox({ clock });
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  const first = owner.cookie;
  expect(await owner.status('GET', '/v3/users')).toBe(200);
  expect(owner.cookie).toBe(first);
  await clock.advance(DAY_MS);
  expect(await owner.status('GET', '/v3/users')).toBe(200);
  const second = owner.cookie;
  expect(second).not.toBe(first);
  expect(await owner.status('GET', '/v3/users')).toBe(200);
  await clock.advance(60_000);
  const late = await box.app.inject({ url: '/watch/door', headers: { ...HOME, cookie: first } });
  expect([late.statusCode, await owner.status('GET', '/watch/door')]).toEqual([401, 200]);
});

test('a guest opens a link and sees only its cameras in the API, until the owner revokes it', async () => {
  const clock = new FakeClock();
  await using box = await openBox({ clock });
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  const until = new Date(clock.wallMs() + DAY_MS).toISOString();
  const made = (await owner.ask('POST', '/v3/guests', { paths: ['door'], until, note: 'the parcel' })).json();
  expect(made).toMatchObject({
    paths: ['door'],
    live: true,
    recordings: false,
    until,
    over: false,
    note: 'the parcel',
  });
  expect(made.link).toBe(`http://192.168.1.2:8080/#/guest/${made.token}`);

  const guest = new Browser(box, '203.0.113.5');
  expect(await guest.status('POST', '/v3/guest', { token: `${made.token.slice(0, -1)}!` })).toBe(401);
  expect(guest.cookie).toBe('');
  const opened = await guest.ask('POST', '/v3/guest', { token: made.token });
  expect(opened.headers['set-cookie']).toMatch(/^perch_guest=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=86400$/);
  const asks = async () =>
    Promise.all(
      ['/watch/door', '/watch/yard', '/recorded/door', '/v3/info', '/v3/users', '/v3/sessions', '/v3/guests'].map(
        (url) => guest.status('GET', url),
      ),
    );
  expect(await asks()).toEqual([200, 401, 401, 401, 401, 401, 401]);
  expect((await guest.ask('GET', '/v3/session')).json()).toMatchObject({
    loggedIn: false,
    user: null,
    role: 'guest',
    mayLook: true,
  });
  expect(await guest.status('POST', '/v3/session/password', { oldPassword: 'a', newPassword: 'b' })).toBe(401);

  const listed = await owner.ask('GET', '/v3/guests');
  expect(listed.json().items).toMatchObject([{ id: made.id, paths: ['door'], over: false }]);
  expect(listed.body).not.toContain(made.token.split('.')[1]);
  expect(await owner.status('DELETE', `/v3/guests/${made.id}`)).toBe(200);
  expect(await asks()).toEqual(Array(7).fill(401));
});

test.for<[string, object, string]>([
  ['no name', { password: 'red kite' }, 'the body must have required properties name'],
  ['no password', { name: 'eve' }, 'the body must have required properties password'],
  ['a number for a name', { name: 5, password: 'red kite' }, 'name must be string'],
  [
    'a camera that is a number',
    { name: 'eve', password: 'red kite', cameras: [5] },
    'cameras has none of the permitted forms',
  ],
  ['a field that there is not', { name: 'eve', password: 'red kite', role: 'owner' }, "unknown field 'role'"],
  ['a list', [], 'the body is not a JSON object'],
])('a user with %s is rejected with a message', async ([, payload, message]) => {
  await using box = await openBox();
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  const answer = await owner.ask('POST', '/v3/users', payload);
  expect([answer.statusCode, answer.json().error]).toEqual([400, expect.stringContaining(message)]);
});

test('with a MediaMTX file a viewer has the rights given by the owner and those of any client', async () => {
  await using box = await openBox({ rules: { isOwn: false, internalUsers: MEDIAMTX_USERS.slice(1) } });
  await box.accounts.people.addUser({ name: 'eve', cameras: ['door'], live: true, recordings: false }, 'red kite');
  const eve = await new Browser(box, '203.0.113.5').logIn('eve', 'red kite');
  expect([await eve.status('GET', '/watch/door'), await eve.status('GET', '/watch/yard')]).toEqual([200, 401]);
});

test('a name in use is rejected with 409, distinct from other errors', async () => {
  await using box = await openBox();
  const owner = await new Browser(box).logIn('owner', PASSWORD);
  expect(await owner.status('POST', '/v3/users', { name: 'eve', password: 'red kite' })).toBe(200);
  const again = await owner.ask('POST', '/v3/users', { name: 'Eve', password: 'grey heron' });
  expect([again.statusCode, again.json().error]).toEqual([409, "there is a user 'Eve' already"]);
  expect(await owner.status('DELETE', '/v3/users/eve')).toBe(200);
  expect(await owner.status('POST', '/v3/users', { name: 'Eve', password: 'grey heron' })).toBe(200);
  expect(await owner.status('POST', '/v3/users/eve/restore', {})).toBe(409);
});
