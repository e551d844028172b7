import { expect, test } from 'vitest';
import { encodePath, isUuid, readSignallingUrl, relativePage } from './signalling-url.ts';

const UUID = 'b1946ac9-2492-4d23-9b1f-7a0b6c0d5e11';

test.for([
  ['cam/whep', { kind: 'endpoint', purpose: 'whep', path: 'cam' }],
  ['a/b c/whip', { kind: 'endpoint', purpose: 'whip', path: 'a/b c' }],
  ['cam/talk', { kind: 'endpoint', purpose: 'talk', path: 'cam' }],
  [`a/b/talk/${UUID}`, { kind: 'session', secret: UUID }],
  [`whip/${UUID}`, { kind: 'session', secret: UUID }],
  ['whip/other', { kind: 'redirect', path: 'whip/other' }],
  ['cam/whep/', { kind: 'session', secret: '' }],
  // A path may have the name of an endpoint, unless it is the last segment of several.
  ['talk/whep', { kind: 'endpoint', purpose: 'whep', path: 'talk' }],
  ['talk/', { kind: 'page', action: 'read', path: 'talk' }],
  ['cam', { kind: 'redirect', path: 'cam' }],
  ['cam/', { kind: 'page', action: 'read', path: 'cam' }],
  ['a/b/', { kind: 'page', action: 'read', path: 'a/b' }],
  ['a/b/publish', { kind: 'page', action: 'publish', path: 'a/b' }],
  ['publish', { kind: 'redirect', path: 'publish' }],
  ['cam/reader.js', { kind: 'script', name: 'reader.js' }],
  ['a/b/publisher.js', { kind: 'script', name: 'publisher.js' }],
  ['reader.js', { kind: 'script', name: 'reader.js' }],
  ['/evil.com', { kind: 'redirect', path: 'evil.com' }],
  ['\\evil.com/', { kind: 'redirect', path: 'evil.com' }],
  ['', { kind: 'nothing' }],
  ['/', { kind: 'nothing' }],
  ['favicon.ico', { kind: 'icon' }],
] as const)("'%s' is read", ([rest, target]) => {
  expect(readSignallingUrl(rest)).toEqual(target);
});

test.for(['/', '/whep', '/publish', '\\'])("a URL with '%s' 300,000 times is read in linear time", (piece) => {
  expect(readSignallingUrl(`a${piece.repeat(300_000)}b/b`).kind).toBe('redirect');
});

test('a path in a URL is encoded, its slashes kept', () => {
  expect(encodePath('group/front door?x')).toBe('group/front%20door%3Fx');
});

test('a secret is a UUID', () => {
  expect([isUuid(UUID), isUuid(UUID.toUpperCase()), isUuid(`${UUID}0`), isUuid('')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test.for([
  ['cam', './cam/'],
  ['a/front%20door', '../a/front%20door/'],
  ['/evil.com', '../evil.com/'],
  ['//evil.com/x', '../../../evil.com/x/'],
] as const)("the page of '%s' is %s", ([rest, page]) => {
  const path = decodeURIComponent(rest.replace(/^\/+/, ''));
  expect(relativePage(path, rest)).toBe(page);
  expect(new URL(page, `http://box/folder/${rest}`).href).toBe(`http://box/folder/${encodePath(path)}/`);
});
