import { expect, test } from 'vitest';
import { addressByName, boxNameOf, isBoxName } from './network-name.tsx';

test.for([
  ['barn', 'barn'],
  [' Barn ', 'barn'],
  ['barn.local', 'barn'],
  ['BARN.LOCAL.', 'barn'],
] as const)('typed "%s" is the name "%s"', ([typed, name]) => {
  expect(boxNameOf(typed)).toBe(name);
});

test.for([
  ['barn', true],
  ['barn-2', true],
  ['7', true],
  ['b'.repeat(58), true],
  ['b'.repeat(59), false],
  ['', false],
  ['my barn', false],
  ['-barn', false],
  ['barn-', false],
  ['barn.example', false],
  ['scheune-ö', false],
] as const)('"%s" is a host name: %s', ([name, isValid]) => {
  expect(isBoxName(name)).toBe(isValid);
});

test.for([
  ['a former name', 'http://perch.local:8080/#/settings', 'barn.local', 'http://barn.local:8080/#/settings'],
  ['a former name over https', 'https://perch.local:8443/', 'barn.local', 'https://barn.local:8443/'],
  ['the present name', 'http://barn.local:8080/', 'barn.local', undefined],
  ['an address', 'http://192.168.1.9:8080/', 'barn.local', undefined],
  ['a reverse proxy', 'https://cameras.example.org/', 'barn.local', undefined],
  ['a former name, while none is announced', 'http://perch.local:8080/', null, undefined],
] as const)('opened by %s, the page leads to the present name only if it differs', ([, href, name, address]) => {
  expect(addressByName(href, name)).toBe(address);
});
