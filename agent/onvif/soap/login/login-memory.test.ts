import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type LoginKey, LoginMemory, type LoginTurn, type TurnOptions } from './login-memory.ts';

const KEY = { camera: '10.0.0.5:80', user: 'admin', password: 'a' };
const MINUTE_MS = 60_000;
const channel = (name: string): LoginKey => ({ ...KEY, channel: name });

interface Asked {
  turn?: LoginTurn;
  error?: Error;
}

function memory() {
  const clock = new FakeClock();
  const logins = new LoginMemory(clock);
  /** Requests a turn; its outcome is known a moment later. */
  const ask = (key: LoginKey = KEY, options: TurnOptions = {}): Asked => {
    const asked: Asked = {};
    logins.turn(key, options).then(
      (turn) => {
        asked.turn = turn;
      },
      (error: Error) => {
        asked.error = error;
      },
    );
    return asked;
  };
  const settle = () => clock.advance(0);
  const use = async (key: LoginKey, what: 'accepted' | 'refused') => {
    const asked = ask(key);
    await settle();
    asked.turn?.[what]();
    await settle();
    return asked;
  };
  return { clock, logins, ask, settle, use };
}

const stateOf = ({ turn, error }: Asked) => (turn ? 'goes' : error ? 'refused' : 'waits');
const channels = (count: number) => Array.from({ length: count }, (_, i) => channel(`stream ${i + 1}`));

test('an unknown login goes ahead alone, and all others start when it is accepted', async () => {
  const { logins, ask, settle } = memory();
  const asked = channels(16).map((key) => ask(key));
  await settle();
  expect(asked.map(stateOf)).toEqual(['goes', ...Array.from({ length: 15 }, () => 'waits')]);
  asked[0]?.turn?.accepted();
  await settle();
  expect(new Set(asked.map(stateOf))).toEqual(new Set(['goes']));
  expect(logins.isAccepted(KEY)).toBe(true);
});

test('a rejected login is tried on a second channel; rejected again, all report the same without a try', async () => {
  const { ask, settle } = memory();
  const asked = channels(16).map((key) => ask(key));
  await settle();
  asked[0]?.turn?.refused();
  await settle();
  expect(asked.map(stateOf).filter((state) => state === 'goes')).toHaveLength(2);
  asked[1]?.turn?.refused();
  await settle();
  expect(new Set(asked.slice(2).map(stateOf))).toEqual(new Set(['refused']));
  expect(asked[7]?.error).toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('twice: it is tried again in 30 min, or when it is changed'),
    context: { camera: 'wrongPassword', absence: 'password', waitMs: 30 * MINUTE_MS },
  });
});

test('the second channel may take it: then all go, and the first alone is held back', async () => {
  const { clock, ask, settle } = memory();
  const asked = channels(4).map((key) => ask(key));
  await settle();
  asked[0]?.turn?.refused();
  await settle();
  asked[1]?.turn?.accepted();
  await settle();
  expect(asked.map(stateOf)).toEqual(['goes', 'goes', 'goes', 'goes']);
  for (const { turn } of asked) {
    turn?.accepted();
  }
  await clock.advance(MINUTE_MS);
  const again = channels(4).map((key) => ask(key));
  await clock.advance(1_000);
  expect(again.map(stateOf)).toEqual(['goes', 'goes', 'waits', 'waits']);
  again[0]?.turn?.accepted();
  await settle();
  expect(again.map(stateOf)).toEqual(['goes', 'goes', 'goes', 'goes']);
});

test('a channel that rejects a login that others accept is held back alone, with any number of others', async () => {
  const { clock, ask, settle, use } = memory();
  await use(channel('stream 1'), 'accepted');
  for (const forbidden of ['stream 2', 'stream 3', 'stream 4']) {
    await use(channel(forbidden), 'refused');
  }
  const [first, second] = [ask(channel('stream 1')), ask(channel('stream 2'))];
  await settle();
  expect([stateOf(first), stateOf(second)]).toEqual(['goes', 'refused']);
  expect(second.error?.message).toContain('elsewhere and refuses them here');
  first.turn?.accepted();
  await clock.advance(10 * MINUTE_MS);
  expect(stateOf(await use(channel('stream 2'), 'refused'))).toBe('goes');
  await clock.advance(20 * MINUTE_MS);
  const third = ask(channel('stream 2'));
  await settle();
  expect(stateOf(third)).toBe('refused');
});

test('a login without an answer passes its turn on after 5 s, and at most two are in progress', async () => {
  const { clock, ask } = memory();
  const asked = channels(5).map((key) => ask(key));
  const goes = () => asked.filter((one) => stateOf(one) === 'goes').length;
  await clock.advance(4_999);
  expect(goes()).toBe(1);
  await clock.advance(1);
  expect(goes()).toBe(2);
  await clock.advance(4_999);
  expect(goes()).toBe(2);
  // A login without an answer after 10 s was not rejected.
  await clock.advance(1);
  expect(goes()).toBe(3);
  asked[1]?.turn?.accepted();
  await clock.advance(0);
  expect(goes()).toBe(5);
});

test('a connection that ends without an answer hands its turn on at once, and counts for 10 s', async () => {
  const { clock, ask, settle } = memory();
  const asked = channels(3).map((key) => ask(key));
  await settle();
  asked[0]?.turn?.lost();
  await settle();
  asked[1]?.turn?.lost();
  await settle();
  expect(asked.map(stateOf)).toEqual(['goes', 'goes', 'waits']);
  await clock.advance(10_000);
  expect(asked.map(stateOf)).toEqual(['goes', 'goes', 'goes']);
});

test('a request that did not reach the camera does not count', async () => {
  const { ask, settle } = memory();
  for (let i = 0; i < 8; i += 1) {
    const asked = ask();
    await settle();
    asked.turn?.end();
  }
  const last = ask();
  await settle();
  expect(stateOf(last)).toBe('goes');
});

const going = (asked: readonly Asked[]) => asked.filter((one) => stateOf(one) === 'goes');

test('with a known login, the first camera starts 0.6 s before the second, and all others when one is accepted', async () => {
  const { clock, ask, use } = memory();
  await use(KEY, 'accepted');
  await clock.advance(MINUTE_MS);
  const asked = channels(16).map((key) => ask(key));
  await clock.advance(599);
  expect(going(asked)).toHaveLength(1);
  await clock.advance(1);
  expect(going(asked)).toHaveLength(2);
  await clock.advance(2_000);
  asked[1]?.turn?.accepted();
  await clock.advance(0);
  expect(going(asked)).toHaveLength(16);
  // It was accepted a moment before they were sent: what has no answer yet holds back nobody.
  await clock.advance(1_000);
  const later = [channel('later 1'), channel('later 2')].map((key) => ask(key));
  await clock.advance(600);
  expect(going(later)).toHaveLength(2);
});

test.for([
  [1_000, 2],
  [4_999, 2],
  [6_000, 4],
] as const)(
  'a camera or box so slow that a changed password is rejected after %i ms gets it %i times from sixteen channels',
  async ([ms, times]) => {
    const all = channels(16);
    const { clock, ask, settle } = await proven(all.map(({ channel: name = '' }) => name));
    const asked = all.map((key) => ask(key));
    await clock.advance(600);
    await clock.advance(ms - 600);
    const sent = going(asked);
    for (const { turn } of sent) {
      turn?.refused();
      await settle();
    }
    await clock.advance(MINUTE_MS);
    expect([sent.length, going(asked).length]).toEqual([times, times]);
    expect(asked.at(-1)?.error?.message).toContain('refused this user name or password twice');
  },
);

test('a time that passes while it is read makes no negative pause', async () => {
  const clock = new FakeClock();
  const pauses: number[] = [];
  let passedMs = 0;
  const monoMs = (): number => {
    passedMs += 1;
    return clock.monoMs() + passedMs;
  };
  const sleep: FakeClock['sleep'] = (ms, signal) => {
    pauses.push(ms);
    return clock.sleep(ms, signal);
  };
  const logins = new LoginMemory({ monoMs, sleep });
  const stop = new AbortController();
  void logins.turn(KEY);
  const second = logins.turn(channel('1'), { signal: stop.signal }).catch(() => {});
  // Each cancelled caller reads the time, up to the end of the first one's turn.
  while (passedMs < 5_100) {
    const other = new AbortController();
    const asked = logins.turn(channel('2'), { signal: other.signal }).catch(() => {});
    other.abort();
    await asked;
  }
  stop.abort();
  await second;
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0);
});

test('without an answer of the first one, only the next one goes ahead', async () => {
  const { ask, settle } = await proven(['stream 1', 'stream 2', 'stream 3']);
  const asked = channels(3).map((key) => ask(key));
  await settle();
  asked[0]?.turn?.lost();
  await settle();
  expect(asked.map(stateOf)).toEqual(['goes', 'goes', 'waits']);
});

/** Channels that have taken the login, a minute ago. */
async function proven(names: readonly string[]) {
  const box = memory();
  for (const name of names) {
    await box.use(channel(name), 'accepted');
  }
  await box.clock.advance(MINUTE_MS);
  return box;
}

test('a password that was changed in the camera is shown twice by sixteen that ask together', async () => {
  const all = channels(16);
  const { ask, settle } = await proven(all.map(({ channel: name = '' }) => name));
  const asked = all.map((key) => ask(key));
  for (let i = 0; i < 16; i += 1) {
    await settle();
    asked.find(({ turn }, at) => turn && at === i)?.turn?.refused();
  }
  await settle();
  expect(asked.filter((one) => stateOf(one) === 'goes')).toHaveLength(2);
  expect(asked.at(-1)?.error?.message).toContain('refused this user name or password twice');
});

test('a second after its success the password may have changed: the next one goes ahead alone again', async () => {
  const { clock, ask, settle, use } = memory();
  await use(KEY, 'accepted');
  await clock.advance(800);
  const asked = channels(4).map((key) => ask(key));
  await settle();
  expect(asked.map(stateOf)).toEqual(['goes', 'waits', 'waits', 'waits']);
});

test('the second try is that of a channel that has taken the login: one that never has waits for it', async () => {
  const { clock, ask, settle } = await proven(['stream 1']);
  const first = ask(channel('new 1'));
  await settle();
  first.turn?.refused();
  await settle();
  const early = ask(channel('new 2'));
  await settle();
  expect(early.error).toMatchObject({
    message: expect.stringContaining('another channel of this camera refused this login'),
    context: { camera: 'wrongPassword', waitMs: MINUTE_MS },
  });
  const known = ask(channel('stream 1'));
  const late = ask(channel('new 2'));
  await settle();
  expect([stateOf(known), stateOf(late)]).toEqual(['goes', 'waits']);
  known.turn?.accepted();
  await clock.advance(0);
  expect(stateOf(late)).toBe('goes');
});

test('a channel that keeps rejecting a login does not block it for a channel that plays with it', async () => {
  const { clock, logins, ask, settle, use } = await proven(['stream 1', 'stream 2']);
  logins.plays(channel('stream 1'), true);
  await use(channel('stream 2'), 'refused');
  for (let minute = 1; minute < 30; minute += 1) {
    await clock.advance(MINUTE_MS);
    expect(stateOf(await use(channel('stream 2'), 'refused'))).toBe('refused');
  }
  logins.plays(channel('stream 1'), false);
  const back = ask(channel('stream 1'));
  await settle();
  back.turn?.accepted();
  await settle();
  expect([stateOf(back), logins.isAccepted(KEY)]).toEqual(['goes', true]);
});

test('a channel plays until the last of its sessions ends', async () => {
  const { clock, logins, use } = await proven(['stream 1', 'stream 2']);
  logins.plays(channel('stream 1'), true);
  logins.plays(channel('stream 1'), true);
  logins.plays(channel('stream 1'), false);
  await use(channel('stream 2'), 'refused');
  await clock.advance(MINUTE_MS);
  expect(stateOf(await use(channel('stream 2'), 'refused'))).toBe('refused');
  logins.plays(channel('stream 1'), false);
  await clock.advance(MINUTE_MS);
  expect(stateOf(await use(channel('stream 2'), 'refused'))).toBe('goes');
});

test('a channel that is alone decides by itself, after a minute', async () => {
  const { clock, use } = await proven(['stream 1', 'stream 2']);
  await use(channel('stream 2'), 'refused');
  expect(stateOf(await use(channel('stream 2'), 'refused'))).toBe('refused');
  await clock.advance(MINUTE_MS);
  expect(stateOf(await use(channel('stream 2'), 'refused'))).toBe('goes');
  expect((await use(channel('stream 1'), 'refused')).error?.message).toContain('twice');
});

test('events, pictures and streams are one account: two tries in half an hour by all of them', async () => {
  const { clock, logins, use, ask, settle } = memory();
  await use(channel('picture'), 'refused');
  expect(logins.mayTry(KEY, false)).toBe(true);
  await use({ ...KEY, camera: '10.0.0.5:554', channel: 'stream 1' }, 'refused');
  for (const key of [KEY, channel('picture'), channel('talk'), { ...KEY, camera: '10.0.0.5:8000' }]) {
    expect(logins.mayTry(key, true)).toBe(false);
  }
  expect(logins.mayTry({ ...KEY, camera: '10.0.0.6:80' }, false)).toBe(true);
  const changed = ask({ ...KEY, password: 'b' });
  await settle();
  expect(stateOf(changed)).toBe('goes');
  await clock.advance(29 * MINUTE_MS);
  expect(() => logins.check(KEY, true)).toThrow('tried again in 1 min');
  await clock.advance(MINUTE_MS);
  expect(logins.mayTry(KEY, false)).toBe(true);
});

test('other passwords may be tried a limited number of times; each user has a separate count', async () => {
  const { logins, use } = memory();
  for (const password of ['a', 'b', 'c', 'd']) {
    await use({ ...KEY, password }, 'refused');
  }
  const other = { ...KEY, password: 'e' };
  expect(() => logins.check(other, true)).toThrow(
    'has refused this user 4 times and would soon lock it: try again in 30 min',
  );
  expect([logins.mayTry(other, false), logins.triesLeft(other)]).toEqual([true, 0]);
  await use({ ...KEY, password: 'e' }, 'refused');
  await use({ ...KEY, password: 'f' }, 'refused');
  expect(logins.mayTry({ ...KEY, password: 'g' }, false)).toBe(false);
  expect(logins.mayTry({ ...KEY, user: 'operator' }, false)).toBe(true);
});

test('a seventh password waits while six have no answer, and is rejected only when the six are', async () => {
  const passwords = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const verdict of ['accepted', 'refused'] as const) {
    const { clock, ask, settle } = memory();
    const asked = passwords.map((password) => ask({ ...KEY, password }));
    await settle();
    expect(asked.map(stateOf)).toEqual([...Array.from({ length: 6 }, () => 'goes'), 'waits']);
    for (const { turn } of asked) {
      turn?.[verdict]();
    }
    await clock.advance(10_000);
    expect(asked.map(stateOf).at(-1)).toBe(verdict === 'accepted' ? 'goes' : 'refused');
  }
});

test('an accepted login resets the count for other passwords, not for one that was rejected twice', async () => {
  const { logins, use } = memory();
  for (const password of ['wrong', 'wrong', 'c', 'd']) {
    await use({ ...KEY, password }, 'refused');
  }
  await use(KEY, 'accepted');
  expect([logins.triesLeft(KEY), logins.mayTry({ ...KEY, password: 'new' }, true)]).toEqual([4, true]);
  expect(logins.mayTry({ ...KEY, password: 'wrong' }, true)).toBe(false);
});

test('a lock lasts as long as the camera specifies, for every caller', async () => {
  const { clock, logins, ask, settle } = memory();
  expect(logins.locked(KEY, 10 * MINUTE_MS).message).toContain('try again in 10 min');
  clock.skip(9 * MINUTE_MS);
  expect(() => logins.check({ ...KEY, password: 'b' }, true)).toThrow('try again in 1 min');
  const asked = ask();
  await settle();
  expect(asked.error).toMatchObject({ context: { camera: 'lockedOut' } });
  clock.skip(MINUTE_MS);
  logins.check(KEY, false);
});

test('a cancelled caller leaves the queue', async () => {
  const { ask, settle } = memory();
  const stop = new AbortController();
  const [first, second, third] = [ask(), ask(channel('a'), { signal: stop.signal }), ask(channel('b'))];
  await settle();
  stop.abort();
  await settle();
  expect([stateOf(first), stateOf(second), stateOf(third)]).toEqual(['goes', 'refused', 'waits']);
  first.turn?.accepted();
  await settle();
  expect(stateOf(third)).toBe('goes');
  const late = ask(KEY, { signal: stop.signal });
  await settle();
  expect(stateOf(late)).toBe('refused');
});

test('the second channel learns which of two kinds of login was rejected', async () => {
  const { logins, ask, settle } = memory();
  const asked = ask();
  await settle();
  asked.turn?.refused('sha256');
  expect([...logins.refusedSchemes(channel('stream 2'))]).toEqual(['sha256']);
});

test('it does not grow: the login that was used longest ago is forgotten', async () => {
  const { logins, use } = memory();
  await use(KEY, 'refused');
  await use(KEY, 'refused');
  for (let i = 0; i < 1_024; i += 1) {
    logins.turn({ ...KEY, camera: `10.1.${i >> 8}.${i & 255}:80` }).then((turn) => turn.accepted('token'));
    await Promise.resolve();
    await Promise.resolve();
  }
  expect(logins.mayTry(KEY, false)).toBe(true);
  expect(logins.schemeOf({ ...KEY, camera: '10.1.3.255:80' })).toBe('token');
});

test('the cause of a rejection is reported again, for this password only', async () => {
  const { logins, use } = memory();
  await use(KEY, 'refused');
  logins.setRefusalCause(KEY, 'onvifUser');
  await use(KEY, 'refused');
  expect(() => logins.check(KEY, false)).toThrow('its ONVIF does not');
  expect(logins.refusalCauseOf(KEY)).toBe('onvifUser');
  expect(logins.refusalCauseOf({ ...KEY, password: 'b' })).toBeUndefined();
});
