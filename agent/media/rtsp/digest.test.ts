import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { authorization, parseAuthorization, parseChallenges, verifyDigest, writeChallenge } from './digest.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
const use = { method: 'DESCRIBE', uri: 'rtsp://cam/1', clientNonce: 'c0ffee', count: 1 };
const credentials = { user: 'admin', password: 'pass word"ü' };

/** RFC 2617 §3.5 and RFC 7616 §3.9.1: the standards' own examples. */
test.for([
  [
    'RFC 2617',
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    { user: 'Mufasa', password: 'Circle Of Life' },
    '0a4f113b',
    '6629fae49393a05397450978507c4ef1',
  ],
  [
    'RFC 7616, MD5',
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
    { user: 'Mufasa', password: 'Circle of Life' },
    'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    '8ca523f5e9506fed4657c9700eebdbec',
  ],
  [
    'RFC 7616, SHA-256',
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
    { user: 'Mufasa', password: 'Circle of Life' },
    'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  ],
  [
    'RFC 7616 with SHA-512-256, by another program (Hikvision OEM cameras)',
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm="SHA-512-256", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
    { user: 'Mufasa', password: 'Circle of Life' },
    'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    '430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0',
  ],
] as const)('the example of %s', ([, header, who, clientNonce, response]) => {
  const [challenge] = parseChallenges([header]);
  if (!challenge) {
    throw new Error('no challenge');
  }
  const uri = '/dir/index.html';
  const answer = authorization(challenge, who, { method: 'GET', uri, clientNonce, count: 1 }, hash);
  expect(answer).toContain(`response="${response}"`);
});

test.for([
  ['one header each', ['Basic realm="cam"', 'Digest realm="cam", nonce="n"'], ['digest', 'basic']],
  ['all in one header', ['Basic realm="a, b=c", Digest realm="cam", nonce="n", stale=FALSE'], ['digest', 'basic']],
  ['no comma between schemes', ['Digest realm="cam",nonce="n" Basic realm="x"'], ['digest', 'basic']],
  ['a scheme that we do not know', ['Negotiate, NTLM TlRM, Digest nonce="n"'], ['digest']],
  ['only what we do not know', ['Bearer realm="x"', 'Digest nonce="n", algorithm=SHA-384'], []],
  ['a word that every object has', ['Digest nonce="n", algorithm=constructor'], []],
  ['only integrity protection', ['Digest nonce="n", qop="auth-int"'], []],
] as const)('challenges with %s, digest first', ([, fields, schemes]) => {
  expect(parseChallenges(fields).map((challenge) => challenge.scheme)).toEqual(schemes);
});

test('SHA-256 takes precedence over the rarer SHA-512-256, and both over MD5', () => {
  const fields = ['MD5', 'SHA-512-256', 'SHA-256'].map((algorithm) => `Digest nonce="n", algorithm=${algorithm}`);
  const challenges = parseChallenges(fields);
  expect(challenges.map((challenge) => challenge.algorithm)).toEqual(['sha256', 'sha512-256', 'md5']);
});

test.for([
  ['MD5 without qop', 'Digest realm="r", nonce="n"'],
  ['MD5 with qop', 'Digest realm="r \\"q\\"", nonce="n", qop="auth", opaque="o"'],
  ['SHA-256', 'Digest realm="r", nonce="n", algorithm=SHA-256'],
] as const)('a server accepts the answer to %s with the right password only', ([, header]) => {
  const [challenge] = parseChallenges([header]);
  if (!challenge) {
    throw new Error('no challenge');
  }
  const answer = parseAuthorization(authorization(challenge, credentials, use, hash));
  if (answer?.scheme !== 'digest') {
    throw new Error('no digest');
  }
  expect(answer).toMatchObject({ user: 'admin', realm: challenge.realm, nonce: 'n', uri: 'rtsp://cam/1' });
  expect(verifyDigest(answer, 'DESCRIBE', credentials.password, hash)).toBe(true);
  expect(verifyDigest(answer, 'DESCRIBE', 'wrong', hash)).toBe(false);
  expect(verifyDigest(answer, 'SETUP', credentials.password, hash)).toBe(false);
  expect(verifyDigest({ ...answer, response: '' }, 'DESCRIBE', credentials.password, hash)).toBe(false);
});

test.for([
  ['realm="r", nonce="n"', 'username, realm, nonce, uri, response'],
  ['nonce="n", opaque="", realm="r", algorithm=MD5', 'username, realm, nonce, uri, opaque, response'],
  ['qop="auth", realm="r", nonce="n", stale=false', 'username, realm, nonce, uri, qop, nc, cnonce, response'],
  ['qop=auth,realm=r,nonce=n,algorithm="MD5"', 'username, realm, nonce, uri, qop, nc, cnonce, response'],
  [
    'realm="r", nonce="n", qop="auth-int,auth", opaque="o", algorithm=SHA-256-sess',
    'username, realm, nonce, uri, algorithm, opaque, qop, nc, cnonce, response',
  ],
] as const)('the parameters of the answer to %s, with the response last', ([parameters, order]) => {
  const [challenge] = parseChallenges([`Digest ${parameters}`]);
  const answer = challenge && authorization(challenge, credentials, use, hash);
  const names = [...(answer ?? '').slice('Digest '.length).matchAll(/(\w+)=(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)(?:, |$)/g)];
  expect(names.map(([, name]) => name).join(', ')).toBe(order);
});

test('Basic carries user and password, a colon in the password included', () => {
  const [challenge] = parseChallenges([writeChallenge({ scheme: 'basic', realm: 'r', nonce: '', algorithm: 'md5' })]);
  if (!challenge) {
    throw new Error('no challenge');
  }
  const field = authorization(challenge, { user: 'ü', password: 'a:b' }, use, hash);
  expect(parseAuthorization(field)).toEqual({ scheme: 'basic', user: 'ü', password: 'a:b' });
});

test.for([
  '',
  'Basic',
  'Basic ====',
  'Bearer abc',
  'Digest',
  'Digest username="x", qop=auth-int',
  'Digest username="x", nonce="n", algorithm=constructor',
])("'%s' authorizes no client", (field) => {
  const answer = parseAuthorization(field);
  const isRight = answer?.scheme === 'digest' && verifyDigest(answer, 'DESCRIBE', '', hash);
  expect(answer === undefined || !isRight).toBe(true);
});

test('mutated headers never throw', () => {
  const next = random(4);
  const seed =
    'Digest username="a", realm="r\\"", nonce="n", uri="u", response="0123", qop=auth, nc=00000001, cnonce="c"';
  for (let i = 0; i < 5_000; i += 1) {
    const at = Math.floor(next() * seed.length);
    const text = seed.slice(0, at) + String.fromCharCode(next() * 300) + seed.slice(at + Math.floor(next() * 20));
    parseChallenges([text, text]);
    parseAuthorization(text);
  }
});
