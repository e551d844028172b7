import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { accessPointText, newAccessPoint, parseAccessPoint, withAccessPoint } from './access-point.ts';
import { networkWords, withNetworks } from './networks.ts';

// IEEE 802.11-2020 annex J.4.2, the first test vector.
const IEEE = 'network 49454545 f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e 70617373776f7264';

test('a network is kept with the key of WPA2, which the standard makes of both, and the password for WPA3', () => {
  expect(`network ${networkWords({ name: 'IEEE', password: 'password' })}`).toBe(IEEE);
});

test('an open network, and one by its key, have no password', () => {
  expect(networkWords({ name: 'a', password: undefined })).toBe('61 - -');
  expect(networkWords({ name: 'a', password: 'AB'.repeat(32) })).toBe(`61 ${'ab'.repeat(32)} -`);
});

test('networks are added before the others, one of the same name replaces it, and the country stays', () => {
  const before = 'country DE\nnetwork 61 - -\nnetwork 62 - -\n';
  const after = withNetworks(
    before,
    [
      { name: 'b', password: undefined },
      { name: 'IEEE', password: 'password' },
    ],
    undefined,
  );
  expect(after).toBe(`country DE\nnetwork 62 - -\n${IEEE}\nnetwork 61 - -\n`);
  expect(withNetworks(after, [], 'FR')).toBe(after.replace('DE', 'FR'));
});

test('sixteen networks are kept', () => {
  const names = Array.from({ length: 20 }, (_, at) => ({ name: `n${at}`, password: undefined }));
  expect(withNetworks('', names, 'DE').trim().split('\n')).toHaveLength(17);
});

test('an access point has a name and a password of its own, and is read as it was written', () => {
  const point = newAccessPoint();
  expect(point.name).toMatch(/^Perch-[A-Z2-9]{4}$/);
  expect(point.password).toMatch(/^[a-z2-9]{12}$/);
  expect(newAccessPoint()).not.toEqual(point);
  expect(parseAccessPoint(accessPointText(point))).toEqual(point);
  expect(parseAccessPoint('Perch-AB2C short\n')).toBeUndefined();
  expect(parseAccessPoint('')).toBeUndefined();
});

test('the shipped setup file has a place for it', () => {
  const shipped = readFileSync(join(import.meta.dirname, '../perch-setup.txt'), 'utf8');
  const point = { name: 'Perch-AB2C', password: "words $& of $' the owner" };
  expect(withAccessPoint(shipped, point)).toContain("# Now: Perch-AB2C, password words $& of $' the owner\n");
  expect(withAccessPoint(shipped, undefined)).toBe(shipped);
});
