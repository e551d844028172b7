import { expect, test } from 'vitest';
import { pushBrowser } from '../../../../test/features/notify/support/push-service.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../../test/support/base/memory-carrier.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { FeatureAction } from '../../contract.ts';
import { Buttons, ButtonTokens } from './buttons.ts';
import { quietOf } from './push-fields.ts';
import { Subscriptions } from './subscriptions.ts';

const QUIET = { kind: 'quiet', path: 'door', subscription: 's1' } as const;
const TEN_MINUTES = 10 * 60_000;
const OWN = ['s1'];
const ABOUT = { path: 'door', kind: 'motion' };

test('a token is valid once, within ten minutes, for its person', async () => {
  const clock = new FakeClock();
  const tokens = new ButtonTokens({ clock, dataDir: '' });
  const [first, second, third] = [await tokens.issue(QUIET), await tokens.issue(QUIET), await tokens.issue(QUIET)];
  expect(await tokens.take(first, ['s2'])).toBeUndefined();
  expect(await tokens.take(first, ['s2', 's1'])).toMatchObject(QUIET);
  expect(await tokens.take(first, OWN)).toBeUndefined();
  await clock.advance(TEN_MINUTES - 1);
  expect(await tokens.take(second, OWN)).toMatchObject(QUIET);
  await clock.advance(1);
  expect(await tokens.take(third, OWN)).toBeUndefined();
});

test('no other text is a token', async () => {
  const tokens = new ButtonTokens({ clock: new FakeClock(), dataDir: '' });
  const token = await tokens.issue(QUIET);
  const last = token.endsWith('A') ? 'B' : 'A';
  for (const wrong of [
    '',
    token.slice(0, 8),
    token.slice(0, -1),
    token.slice(0, -1) + last,
    `${token}AAAA`,
    'ü'.repeat(32),
  ]) {
    expect(await tokens.take(wrong, OWN)).toBeUndefined();
  }
  expect(await tokens.take(token, OWN)).toMatchObject(QUIET);
});

test('beyond the limit the oldest tokens are dropped', async () => {
  const tokens = new ButtonTokens({ clock: new FakeClock(), dataDir: '' });
  const all = await Promise.all(Array.from({ length: 16_001 }, () => tokens.issue(QUIET)));
  expect(await tokens.take(all[0] ?? '', OWN)).toBeUndefined();
  expect(await tokens.take(all[1] ?? '', OWN)).toMatchObject(QUIET);
});

test('a button works once at any server with the same database, and at its own one while that is away', async () => {
  const database = new MemoryDatabase();
  const clock = new FakeClock();
  const [one, other] = ['/buttons-1', '/buttons-2'].map((dataDir) => ({
    carrier: database.server(dataDir),
    tokens: new ButtonTokens({ clock, dataDir }),
  }));
  const issue = async () => (await one?.tokens.issue(QUIET)) ?? '';
  const take = (server: typeof one, token: string, own: readonly string[] = OWN) => server?.tokens.take(token, own);
  const [first, second, third] = [await issue(), await issue(), await issue()];
  expect(JSON.stringify([...(database.lists.get('buttons') ?? [])])).not.toContain(first);
  expect(await take(other, first, ['s2'])).toBeUndefined();
  expect([await take(other, first), await take(other, first), await take(one, first)]).toEqual([
    QUIET,
    undefined,
    undefined,
  ]);
  expect([await take(one, second), await take(other, second), await take(one, second)]).toMatchObject([
    QUIET,
    undefined,
    undefined,
  ]);
  one?.carrier.goAway();
  const fourth = await issue();
  expect(await take(one, third)).toMatchObject(QUIET);
  const sixth = (await other?.tokens.issue(QUIET)) ?? '';
  await expect(take(one, sixth)).rejects.toMatchObject({ code: 'unavailable', message: /press it again later/ });
  one?.carrier.comeBack();
  expect(await take(one, sixth)).toMatchObject(QUIET);
  expect([await take(other, fourth), await take(one, fourth)]).toMatchObject([undefined, QUIET]);
  const fifth = await issue();
  await clock.advance(TEN_MINUTES + 1);
  expect(await take(other, fifth)).toBeUndefined();
  await issue();
  expect(database.lists.get('buttons')?.size).toBe(1);
});

type Talk = 'yes' | 'no' | 'unknown';

/** Buttons of the only browser of `ann`, who may do what is in `rights`. */
async function open({ talk = 'yes' as Talk, webrtc = true, mayTalk = async (): Promise<unknown> => ({}) } = {}) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const rights = new Set(['playback', 'talk']);
  const person = { name: 'ann', role: 'viewer' as const, may: (action: string) => rights.has(action) };
  const subscriptions = await Subscriptions.open({
    ...{ dataDir: folder.path, clock, log: silentLogger },
    ...{ isAlive: () => true, isKnown: () => true, roleOf: () => 'viewer' as const },
  });
  const actions: FeatureAction[] = [];
  const host = {
    clock,
    actions: () => actions,
    config: () => ({ webrtc, paths: new Map(), patterns: [] }),
    paths: { find: () => ({ talk }), mayTalk },
    accounts: { person: () => person },
  };
  const buttons = new Buttons(host as unknown as ConstructorParameters<typeof Buttons>[0], subscriptions);
  const add = (name: string) =>
    subscriptions.add(
      { user: 'ann', session: '', device: 'Chrome' },
      { endpoint: `https://push.example.com/${name}`, ...pushBrowser().keys, language: 'en', rules: [] },
    );
  const [phone, desk] = [await add('phone'), await add('desk')];
  return {
    ...{ clock, rights, person, subscriptions, buttons, phone, desk, actions },
    quiet: () => subscriptions.of({ user: 'ann' }).map((one) => quietOf(one, clock.wallMs()).map(({ path }) => path)),
    press: (token: string | undefined) => buttons.press({ user: 'ann' }, person, token ?? ''),
    [Symbol.asyncDispose]: async () => {
      await subscriptions.close();
      folder[Symbol.dispose]();
    },
  };
}

test('a message about a camera has Talk and Quiet, each with the right that it needs', async () => {
  await using it = await open();
  const titles = async () => (await it.buttons.of(it.phone, ABOUT)).map(({ title }) => title);
  expect(await it.buttons.of(it.phone, ABOUT)).toEqual([
    { title: 'Talk', link: '#/live/door?talk' },
    { title: 'Quiet for an hour', token: expect.stringMatching(/^[\w-]{32}$/) },
  ]);
  expect(await it.buttons.of(it.phone, { ...ABOUT, path: '' })).toEqual([]);
  it.rights.delete('talk');
  expect(await titles()).toEqual(['Quiet for an hour']);
  const none = await it.subscriptions.change({ user: 'ann' }, it.phone.id, { buttons: [] });
  expect(await it.buttons.of(none, ABOUT)).toEqual([]);
});

test.for([
  ['has no loudspeaker', { talk: 'no' }, false],
  ['is not served over WebRTC', { webrtc: false }, false],
  ['has a loudspeaker, as it says when asked', { talk: 'unknown' }, true],
  ['rejects the question', { talk: 'unknown', mayTalk: async () => Promise.reject(new Error('no')) }, false],
] as const)('Talk of a camera that %s', async ([, options, isOffered]) => {
  await using it = await open(options);
  const titles = (await it.buttons.of(it.phone, ABOUT)).map(({ title }) => title);
  expect(titles.includes('Talk')).toBe(isOffered);
});

test('a camera that does not say within three seconds has no Talk', async () => {
  await using it = await open({ talk: 'unknown', mayTalk: () => new Promise(() => {}) });
  const asked = it.buttons.of(it.phone, ABOUT);
  await it.clock.advance(3_000);
  expect((await asked).map(({ title }) => title)).toEqual(['Quiet for an hour']);
});

test('Quiet pauses the camera on all browsers of the person for an hour, and Undo ends that', async () => {
  await using it = await open();
  const token = async () => (await it.buttons.of(it.phone, ABOUT))[1]?.token;
  const done = await it.press(await token());
  expect(done).toEqual({
    text: 'Quiet until {time}',
    until: it.clock.wallMs() + 3_600_000,
    undo: { title: 'Undo', token: expect.any(String) },
  });
  expect(it.quiet()).toEqual([['door'], ['door']]);
  expect(await it.press(done.undo?.token)).toEqual({ text: 'Notifications resumed' });
  expect(it.quiet()).toEqual([[], []]);
  await expect(it.press(done.undo?.token)).rejects.toMatchObject({ code: 'notFound' });
  await it.press(await token());
  await it.clock.advance(3_600_000);
  expect(it.quiet()).toEqual([[], []]);
});

test('a button of a person who no longer has the right does nothing', async () => {
  await using it = await open();
  const [, button] = await it.buttons.of(it.phone, ABOUT);
  it.rights.clear();
  await expect(it.press(button?.token)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(it.quiet()).toEqual([[], []]);
});

test('a hundred cameras are quiet at most, the last ones', async () => {
  await using it = await open();
  for (let i = 0; i <= 100; i += 1) {
    await it.subscriptions.quieten({ user: 'ann' }, `cam${i}`, it.clock.wallMs() + 1_000);
  }
  expect(it.quiet()[0]).toHaveLength(100);
  expect(it.quiet()[0]).not.toContain('cam0');
});

test('a message that the camera is offline has no button to talk', async () => {
  await using it = await open();
  const shown = await it.buttons.of(it.phone, { ...ABOUT, kind: 'offline' });
  expect(shown.map(({ title }) => title)).toEqual(['Quiet for an hour']);
});

/** An action for those who may turn the camera of the gate. */
const light = (run: FeatureAction['run']): FeatureAction => ({
  id: 'rule:Gate light',
  title: 'Gate light',
  isFor: (person) => person.may('turn', 'gate'),
  run,
});

test('a message has the action of a feature as a button, if the person has chosen it and may do it', async () => {
  await using it = await open();
  const users: string[] = [];
  it.actions.push(light(async (user) => ({ isAtWork: users.push(user) > 1 })));
  const choose = (buttons: string[]) => it.subscriptions.change({ user: 'ann' }, it.phone.id, { buttons });
  const titles = async (one = it.phone) => (await it.buttons.of(one, ABOUT)).map(({ title }) => title);
  expect(await titles()).toEqual(['Talk', 'Quiet for an hour']);
  const chosen = await choose(['quiet', 'rule:Gate light']);
  expect(await titles(chosen)).toEqual(['Quiet for an hour']);
  it.rights.add('turn');
  expect(await titles(chosen)).toEqual(['Quiet for an hour', 'Gate light']);
  const [, button] = await it.buttons.of(chosen, ABOUT);
  expect(await it.press(button?.token)).toEqual({ text: 'Gate light: done' });
  expect(users).toEqual(['ann']);
  const [, again] = await it.buttons.of(chosen, ABOUT);
  expect(await it.press(again?.token)).toEqual({ text: 'Gate light: started' });
  await expect(it.press(button?.token)).rejects.toMatchObject({ code: 'notFound' });
  it.actions.pop();
  expect(await titles(chosen)).toEqual(['Quiet for an hour']);
});

test('an action is refused after its right or the action is gone, and its token is used up', async () => {
  await using it = await open();
  it.rights.add('turn');
  it.actions.push(light(async () => ({})));
  const chosen = await it.subscriptions.change({ user: 'ann' }, it.phone.id, { buttons: ['rule:Gate light'] });
  const token = async () => (await it.buttons.of(chosen, ABOUT))[0]?.token;
  const [first, second] = [await token(), await token()];
  it.rights.delete('turn');
  await expect(it.press(first)).rejects.toMatchObject({ code: 'unauthorized' });
  it.rights.add('turn');
  await expect(it.press(first)).rejects.toMatchObject({ code: 'notFound' });
  it.actions.pop();
  await expect(it.press(second)).rejects.toMatchObject({ code: 'notFound' });
});

test('an action is refused to a person who may no longer see the camera of the message', async () => {
  await using it = await open();
  const users: string[] = [];
  it.actions.push(light(async (user) => ({ isAtWork: users.push(user) > 1 })));
  it.rights.add('turn');
  const chosen = await it.subscriptions.change({ user: 'ann' }, it.phone.id, { buttons: ['rule:Gate light'] });
  const token = async () => (await it.buttons.of(chosen, ABOUT))[0]?.token;
  const pressed = await token();
  it.rights.delete('playback');
  expect(await token()).toBeUndefined();
  await expect(it.press(pressed)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(users).toEqual([]);
});

test.for([
  ['viewer', async () => ({ problem: 'the camera at 192.168.1.20 does not answer' }), 'Gate light: not done'],
  [
    'owner',
    async () => ({ problem: 'the camera does not answer' }),
    'Gate light: not done: the camera does not answer',
  ],
  [
    'owner',
    () => Promise.reject(new PerchError('exhausted', 'it has just run')),
    'Gate light: not done: it has just run',
  ],
] as const)('what an action could not do is said to the %s', async ([role, run, text]) => {
  await using it = await open();
  it.rights.add('turn');
  it.actions.push(light(run));
  const chosen = await it.subscriptions.change({ user: 'ann' }, it.phone.id, { buttons: ['rule:Gate light'] });
  const [button] = await it.buttons.of(chosen, ABOUT);
  expect(await it.buttons.press({ user: 'ann' }, { ...it.person, role }, button?.token ?? '')).toEqual({ text });
});
