import { expect, test } from 'vitest';
import { addressOf, areNames, changeOf, failureText, isEmail, namesOf, valuesOf } from './server-data.ts';
import { en } from './words/en.ts';

test.for([
  ['Cloud.Example.org', ['cloud.example.org'], true],
  [' a.example.org,  b.example.org ', ['a.example.org', 'b.example.org'], true],
  ['a.example.org，b.example.org', ['a.example.org', 'b.example.org'], true],
  ['münchen.example', ['münchen.example'], true],
  ['', [], true],
  ['cloud', ['cloud'], false],
  ['https://cloud.example', ['https://cloud.example'], false],
  ['203.0.113.9', ['203.0.113.9'], false],
] as const)("the names of '%s' are %s", ([typed, names, isGood]) => {
  expect([namesOf(typed), areNames(typed)]).toEqual([names, isGood]);
});

test('only what was changed is sent', () => {
  const values = valuesOf({ acmeDomains: ['a.example', 'b.example'], acmeEmail: '' });
  expect(values).toEqual({ names: 'a.example, b.example', acmeEmail: '' });
  expect(changeOf({ names: 'c.example' })).toEqual({ acmeDomains: ['c.example'] });
  expect(changeOf({ acmeEmail: ' me@example.org ' })).toEqual({ acmeEmail: 'me@example.org' });
  expect([isEmail(''), isEmail('me@example.org'), isEmail('me')]).toEqual([true, true, false]);
});

test('the phone gets the address by name', () => {
  const here = { href: 'http://203.0.113.9/#/settings/system/server' };
  expect(addressOf({ names: ['a.example'] }, 443, here)).toBe('https://a.example/');
  expect(addressOf({ names: ['a.example'] }, 8443, here)).toBe('https://a.example:8443/');
  expect(addressOf({ names: [] }, 443, here)).toBe('http://203.0.113.9/');
});

test('a failure without words of its own has those of the authority', () => {
  expect(failureText({ why: 'name', error: 'x' }, en)).toBe(en.whyName);
  expect(failureText({ why: 'rejected', error: 'CAA forbids' }, en)).toBe('CAA forbids');
});
