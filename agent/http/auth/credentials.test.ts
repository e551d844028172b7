import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import {
  type Credentials,
  credentialsOf,
  noCookie,
  sessionCookie,
  sessionTokenOf,
  sessionTokensOf,
} from './credentials.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

test.for<[string | undefined, Credentials]>([
  [undefined, {}],
  ['', {}],
  [basic('tom:secret'), { user: 'tom', password: 'secret' }],
  [basic('tom:se:cret'), { user: 'tom', password: 'se:cret' }],
  [basic('tom:'), { user: 'tom', password: '' }],
  [basic('tom:grün'), { user: 'tom', password: 'grün' }],
  ['basic dG9tOnNlY3JldA==', { user: 'tom', password: 'secret' }],
  ['Bearer tom:secret', { user: 'tom', password: 'secret' }],
  ['Bearer eyJh.eyJi.c2ln', { token: 'eyJh.eyJi.c2ln' }],
  ['Bearer a:b:c', { token: 'a:b:c' }],
  ['Basic !!!!', { token: '!!!!' }],
  ['Digest username="tom"', { token: 'Digest username="tom"' }],
])('Authorization: %s', ([authorization, credentials]) => {
  expect(credentialsOf(authorization === undefined ? {} : { authorization })).toEqual(credentials);
});

test.for<[string | undefined, string | undefined]>([
  [undefined, undefined],
  ['perch_session=abc', 'abc'],
  ['theme=dark; perch_session=abc; x=y', 'abc'],
  ['my_perch_session=abc', undefined],
  ['perch_session=', undefined],
  ['perch_session', undefined],
  ['=perch_session', undefined],
])('Cookie: %s', ([cookie, token]) => {
  expect(sessionTokenOf(cookie === undefined ? {} : { cookie })).toBe(token);
});

const PLAIN = { isSecure: false, prefix: '' };
const SECURE = { isSecure: true, prefix: '' };

test('the cookie is hidden from scripts and other sites, and Secure over TLS', () => {
  expect(sessionCookie('abc', PLAIN)).toBe('perch_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000');
  expect(sessionCookie('abc', SECURE)).toMatch(/^perch_session_tls=abc; .*; Secure$/);
  expect(sessionCookie('', PLAIN)).toMatch(/^perch_session=; .*Max-Age=0$/);
});

test("below a proxy's folder the cookie is for that folder, and is deleted there", () => {
  const place = { isSecure: true, prefix: '/perch' };
  expect(sessionCookie('abc', place)).toContain('; Path=/perch; ');
  expect([noCookie('perch_session', place)].flat()).toEqual([
    expect.stringMatching(/^perch_session_tls=; Path=\/perch; .*Max-Age=0; Secure$/),
    expect.stringMatching(/^perch_session=; Path=\/perch; .*Max-Age=0$/),
  ]);
});

test('over TLS the cookie has its own name, and takes precedence over that of plain http', () => {
  const cookie = 'perch_session=plain; perch_session_tls=secret';
  expect(sessionTokenOf({ cookie })).toBe('secret');
  expect(sessionTokensOf({ cookie })).toEqual(['secret', 'plain']);
  expect([noCookie('perch_session', SECURE)].flat().map((one) => one.split(';')[0])).toEqual([
    'perch_session_tls=',
    'perch_session=',
  ]);
});

test('no header makes the readers throw', () => {
  const next = random(3);
  const letters = 'Basic Bearer perch_session=;:, dG9tOg==\u00e9\u0000';
  for (let i = 0; i < 20_000; i += 1) {
    const text = Array.from({ length: next() * 40 }, () => letters[Math.floor(next() * letters.length)]).join('');
    const { user, password, token } = credentialsOf({ authorization: text });
    expect([user, password, token].some((part) => part !== undefined)).toBe(text !== '');
    expect(sessionTokenOf({ cookie: text }) ?? 'x').not.toBe('');
  }
});
