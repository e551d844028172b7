import { expect, test } from 'vitest';
import type { HttpsState } from '../api-client/api-types.ts';
import { fingerprintLines, isAtHttpsPort, isInsistedOn, mayTurnOff, stepsAddress } from './https-state.ts';

const OWN = {
  isOwn: true,
  fingerprint: 'AB:CD',
  names: ['perch', 'perch.local', 'localhost'],
  addresses: ['127.0.0.1', '::1', '192.168.1.9', 'fd00::9'],
  until: '2027-11-23T00:00:00.000Z',
};
const ON: HttpsState = {
  address: ':8443',
  usualAddress: ':8443',
  port: 8443,
  httpPort: 8080,
  redirect: false,
  certificate: OWN,
};

test.for([
  ['http://perch.local:8080/#/settings/system/https', 'http://perch.local:8080/trust'],
  ['http://192.168.1.9:8080/?x=1#/live', 'http://192.168.1.9:8080/trust'],
  ['https://perch.local:8443/#/live', 'http://perch.local:8080/trust'],
  ['https://[fd00::9]:8443/', 'http://[fd00::9]:8080/trust'],
  // A phone does not reach the loopback addresses of the box.
  ['http://localhost:8080/', 'http://192.168.1.9:8080/trust'],
  ['https://127.0.0.1:8443/', 'http://192.168.1.9:8080/trust'],
  // Nor do many find a name without a dot.
  ['http://perch:8080/', 'http://192.168.1.9:8080/trust'],
  // A mapped port, and a reverse proxy with a certificate of its own.
  ['http://nas.local:9090/', 'http://nas.local:9090/trust'],
  ['https://home.example/perch/#/live', 'https://home.example/perch/trust'],
] as const)('from %s another phone opens %s', ([from, expected]) => {
  expect(stepsAddress(ON, new URL(from))).toBe(expected);
});

test('without an address in the network the address stays', () => {
  const state = { ...ON, certificate: { ...OWN, addresses: ['127.0.0.1', '::1'] } };
  expect(stepsAddress(state, new URL('http://localhost:8080/'))).toBe('http://localhost:8080/trust');
});

test('browsers insist on https after a redirect to a public certificate on the usual port', () => {
  const insisted = { ...ON, redirect: true, port: 443, certificate: { ...OWN, isOwn: false } };
  expect(isInsistedOn(insisted)).toBe(true);
  expect(isInsistedOn({ ...insisted, port: 8443 })).toBe(false);
  expect(isInsistedOn({ ...insisted, redirect: false })).toBe(false);
  expect(isInsistedOn({ ...insisted, certificate: OWN })).toBe(false);
});

test.for([
  ['https://perch.local:8443/', 8443, true],
  ['https://perch.local/', 443, true],
  // Without it a page of a proxy stays.
  ['https://home.example/perch/', 8443, false],
  ['http://perch.local:8443/', 8443, false],
] as const)('%s is at https port %i: %s', ([from, port, expected]) => {
  expect(isAtHttpsPort({ ...ON, port }, new URL(from))).toBe(expected);
});

test('https stays on while http has no port, because nothing else would open the page', () => {
  expect(mayTurnOff(ON)).toBe(true);
  expect(mayTurnOff({ ...ON, httpPort: null })).toBe(false);
  expect(mayTurnOff({ ...ON, port: null, httpPort: null })).toBe(true);
});

test('a fingerprint has four lines of four groups, as in the terminal', () => {
  const bytes = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase());
  expect(fingerprintLines(bytes.join(':'))).toEqual([
    '0001 0203 0405 0607',
    '0809 0A0B 0C0D 0E0F',
    '1011 1213 1415 1617',
    '1819 1A1B 1C1D 1E1F',
  ]);
});
