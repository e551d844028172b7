import { expect, test } from 'vitest';
import { good, load } from '../../../test/support/harness/loaded-config.ts';
import { resolvePath } from './load.ts';

test('an unsupported source of pathDefaults disables the paths that use it', () => {
  const config = load('pathDefaults: {source: moqt://h}\npaths: {a: , b: {source: publisher}}').config;
  expect(config?.paths.get('a')?.error).toContain('is not supported');
  expect(config?.paths.get('b')?.settings).toBeDefined();
});

test('the name itself is looked up first, then patterns in order, the catch-all last', () => {
  const config = good('paths: {all_others: , "~^b": , "~^a": , ab: }');
  const resolved = ['ab', 'abc', 'bc', 'xyz'].map((name) => resolvePath(config, name)?.name);
  expect(resolved).toEqual(['ab', '~^a', '~^b', 'all_others']);
  expect(resolvePath(good('paths: {ab: }'), 'x')).toBeUndefined();
});

test('a disabled pattern disables its names', () => {
  const config = load('paths: {"~^cam": {record: perhaps}, all: }').config;
  expect(config && resolvePath(config, 'cam1')).toMatchObject({
    name: '~^cam',
    error: "record: 'perhaps' is not one of no, always, motion",
  });
});

test('only one catch-all entry is permitted, and a pattern is pulled on demand or not at all', () => {
  const config = load('paths: {all: , all_others: , "~x": {source: "rtsp://h/"}, "~(": }').config;
  expect(config?.paths.get('all_others')?.error).toBe('has the same meaning as all above: keep only one of them');
  expect(config?.paths.get('~x')?.error).toContain('source: a source for a pattern of names needs sourceOnDemand: yes');
  expect(config?.paths.get('~(')?.error).toContain("'(' is not a regular expression");
});

test.for([
  'rtsp://h/x',
  'rtsps://me:pw@h/x',
  'rtsp+http://h:80/x',
  'rtsps+http://h/x',
  'rtsp+ws://h/x',
  'rtsps+ws://h/x',
  'rtsp://$G1:554/$G2?$MTX_QUERY',
])('%s is a source', (source) => {
  expect(good(`paths: {a: {source: "${source}", sourceOnDemand: yes}}`).paths.get('a')?.settings?.source).toBe(source);
});

test('a pattern can be pulled on demand, and readers can be redirected', () => {
  const config = good(
    'paths: {"~^cam(.*)": {source: "rtsp://h/$G1", sourceOnDemand: yes}, a: {source: redirect, sourceRedirect: /b}, b: {fallback: "rtsp://h/x"}}',
  );
  expect(config.patterns[0]?.settings).toMatchObject({ sourceOnDemand: true, sourceOnDemandCloseAfterMs: 10_000 });
  expect(config.paths.get('a')?.settings).toMatchObject({ source: 'redirect', sourceRedirect: '/b' });
  expect(config.paths.get('b')?.settings?.fallback).toBe('rtsp://h/x');
});

test('a fingerprint is accepted in the form of browsers and openssl', () => {
  const shown = Array(32).fill('AB').join(':');
  const config = good(`paths: {a: {source: "rtsps://h/", sourceFingerprint: "${shown}"}}`);
  expect(config.paths.get('a')?.settings?.sourceFingerprint).toBe('ab'.repeat(32));
});

test('a URL may have a non-ASCII user and password, which no answer shows', () => {
  const { config } = load('paths: {cam: {source: "rtsp://jürgen:пароль-密码@192.168.1.2/живой"}}');
  expect(config?.paths.get('cam')?.settings?.source).toBe('rtsp://jürgen:пароль-密码@192.168.1.2/живой');
});
