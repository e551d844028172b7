import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import { LoginMemory } from './login-memory.ts';

const KEY = { camera: '10.0.0.5:80', user: 'admin', password: 'a' };
const MINUTE_MS = 60_000;

function memory() {
  const clock = new FakeClock();
  const logins = new LoginMemory(clock);
  const refuse = (times: number, key = KEY) => {
    for (let i = 0; i < times; i += 1) {
      logins.refused(key);
    }
  };
  return { clock, logins, refuse };
}

test('a password that was refused twice is not tried by itself; a person may ask for it twice more', () => {
  const { logins, refuse } = memory();
  refuse(1);
  expect(logins.mayTry(KEY, false)).toBe(true);
  refuse(1);
  expect(() => logins.check(KEY, false)).toThrow('refused this user name or password twice');
  expect(logins.mayTry(KEY, true)).toBe(true);
  refuse(2);
  expect(() => logins.check(KEY, true)).toThrow(
    'refused this user 4 times and would soon lock it: try again in 30 min',
  );
});

test('another password may be tried, but not for ever; another user has his own count', () => {
  const { logins, refuse } = memory();
  refuse(2);
  const other = { ...KEY, password: 'b' };
  expect(logins.mayTry(other, false)).toBe(true);
  refuse(2, other);
  expect(logins.mayTry({ ...KEY, password: 'c' }, true)).toBe(false);
  expect(logins.mayTry({ ...KEY, user: 'operator' }, false)).toBe(true);
});

test('half an hour after the last refusal it is forgotten, and a login that passes is a new beginning', async () => {
  const { clock, logins, refuse } = memory();
  refuse(4);
  clock.skip(29 * MINUTE_MS);
  expect(() => logins.check(KEY, true)).toThrow('try again in 1 min');
  clock.skip(MINUTE_MS);
  expect(logins.mayTry(KEY, false)).toBe(true);
  refuse(1);
  expect(logins.mayTry(KEY, false)).toBe(true);
  logins.accepted(KEY, 'digest');
  refuse(1);
  expect([logins.mayTry(KEY, false), logins.schemeOf(KEY)]).toEqual([true, 'digest']);
});

test('a lock holds for as long as the camera says, whoever asks', () => {
  const { clock, logins } = memory();
  expect(logins.locked(KEY, 10 * MINUTE_MS).message).toContain('try again in 10 min');
  clock.skip(9 * MINUTE_MS);
  expect(() => logins.check({ ...KEY, password: 'b' }, true)).toThrow('try again in 1 min');
  clock.skip(MINUTE_MS);
  logins.check(KEY, false);
});

test('it does not grow: the login that was used longest ago is forgotten', () => {
  const { logins, refuse } = memory();
  refuse(2);
  for (let i = 0; i < 1_024; i += 1) {
    logins.accepted({ ...KEY, camera: `10.0.1.${i}:80` }, 'token');
  }
  expect(logins.mayTry(KEY, false)).toBe(true);
  expect(logins.schemeOf({ ...KEY, camera: '10.0.1.1023:80' })).toBe('token');
});

const STREAM = { ...KEY, service: 'stream' } as const;
const PICTURE = { ...KEY, service: 'picture' } as const;

test('what events, pictures and streams are refused counts together; the last try is left to the stream', () => {
  const { logins, refuse } = memory();
  refuse(1);
  refuse(1, PICTURE);
  expect(logins.mayTry(PICTURE, false)).toBe(true);
  logins.showStream(STREAM, false).end();
  refuse(1, STREAM);
  expect(() => logins.check(PICTURE, false)).toThrow('3 times: it is tried again in 30 min, or when it is changed');
  logins.showStream(STREAM, false).end();
  refuse(1, STREAM);
  expect(() => logins.showStream(STREAM, false)).toThrow('refused this user name or password 4 times');
  expect(logins.mayTry({ ...KEY, password: 'b' }, false)).toBe(true);
  expect(logins.mayTry({ ...KEY, camera: '10.0.0.6:80' }, false)).toBe(true);
});

test('a login that was taken goes on where one other service refuses it, and not where two do', () => {
  const { logins, refuse } = memory();
  logins.accepted(KEY, 'token');
  refuse(3, STREAM);
  expect(logins.mayTry(KEY, false)).toBe(true);
  refuse(1, PICTURE);
  expect(logins.mayTry(KEY, false)).toBe(false);
});

test('tries of a stream that have no answer yet count as refused, for 10 s', () => {
  const { clock, logins, refuse } = memory();
  refuse(2);
  logins.showStream(STREAM, false);
  logins.showStream(STREAM, false);
  expect(() => logins.showStream(STREAM, false)).toThrow('no answer yet (2): try again in 10 s');
  clock.skip(10_000);
  logins.showStream(STREAM, false);
  logins.accepted(STREAM, 'digest');
  logins.showStream(STREAM, false);
});

test('of logins without an answer to ONVIF, for pictures and of streams no more than four are out at once', () => {
  const { clock, logins, refuse } = memory();
  const shown = [logins.show(KEY, false), logins.show(PICTURE, false)];
  logins.showStream(STREAM, false);
  logins.showStream(STREAM, false);
  expect(() => logins.showStream(STREAM, false)).toThrow('no answer yet (4)');
  for (const key of [KEY, PICTURE]) {
    expect(() => logins.show(key, false)).toThrow('no answer yet (4): try again in 10 s');
  }
  for (const [i, one] of shown.entries()) {
    one.end();
    one.end();
    refuse(1, i === 0 ? KEY : PICTURE);
  }
  expect(() => logins.showStream(STREAM, false)).toThrow('have no answer yet');
  clock.skip(10_000);
  expect(logins.mayTry(KEY, false)).toBe(true);
});

test('an answer that says nothing of the login frees its place', () => {
  const { logins } = memory();
  for (let i = 0; i < 8; i += 1) {
    logins.show(KEY, false).end();
    logins.showStream(STREAM, false).end();
  }
  expect(logins.mayTry(KEY, false)).toBe(true);
});

test('a person has four tries of ONVIF, also where they have no answer yet', () => {
  const { logins, refuse } = memory();
  refuse(2);
  logins.show(KEY, true);
  logins.show({ ...KEY, password: 'b' }, true);
  expect(() => logins.show(KEY, true)).toThrow('have no answer yet');
});

test('what a camera has been asked with a login that it has taken keeps nobody else out', () => {
  const { logins, refuse } = memory();
  logins.accepted(KEY, 'token');
  const asked = Array.from({ length: 8 }, () => logins.show(KEY, false));
  logins.showStream(STREAM, false).end();
  // It is no longer taken: now each of them may be refused.
  asked[0]?.end();
  refuse(1);
  expect(() => logins.showStream(STREAM, false)).toThrow('have no answer yet');
});

test('a stream that was refused twice stays slow when the refusals are forgotten', () => {
  const { clock, logins, refuse } = memory();
  refuse(2, STREAM);
  clock.skip(40 * MINUTE_MS);
  logins.showStream(STREAM, false).end();
  refuse(1, STREAM);
  clock.skip(MINUTE_MS);
  expect(() => logins.showStream(STREAM, false)).toThrow('tried again in 9 min');
});

test('what a refusal was found to mean is said again, until another password is tried', () => {
  const { logins, refuse } = memory();
  refuse(1);
  logins.found(KEY, 'onvifUser');
  refuse(1);
  expect(() => logins.check(KEY, false)).toThrow('its ONVIF does not');
  expect(logins.findingOf(KEY)).toBe('onvifUser');
  refuse(1, { ...KEY, password: 'b' });
  expect(logins.findingOf({ ...KEY, password: 'b' })).toBeUndefined();
});

test('an earlier run that was refused six times in all lets no password be tried', () => {
  const { logins } = memory();
  const login = JSON.stringify([KEY.camera, KEY.user]);
  const told = { refusals: 3, agoMs: MINUTE_MS, lockedForMs: 0 };
  logins.restore([{ login: `${login} stream`, ...told }]);
  logins.showStream(STREAM, false);
  logins.restore([
    { login, ...told },
    { login: `${login} stream`, ...told },
  ]);
  expect(() => logins.showStream(STREAM, false)).toThrow('refused this user name or password 6 times');
});
