import { expect, test } from 'vitest';
import type { FoundItem } from '../../api-client/api-types.ts';
import { candidateOf, isWithin, likelyRange, sortFound } from './discovery.ts';

const found: FoundItem = {
  ...{ endpoint: 'urn:uuid:1', address: '192.168.20.31', onvif: 'http://192.168.20.31/onvif/device_service' },
  ...{ foundFrom: '192.168.20.2', name: null, manufacturer: null, hardware: null, location: null },
  ...{ firstSeen: '', lastSeen: '', path: null, onCameraNetwork: false, perch: null, hidden: false },
};

test.for([
  [{}, '192.168.20.31', ''],
  [{ manufacturer: 'Reolink', hardware: 'RLC-810A' }, 'Reolink RLC-810A', '192.168.20.31'],
  [{ name: 'Barn', manufacturer: 'Reolink', hardware: 'RLC-810A' }, 'Barn', 'Reolink RLC-810A · 192.168.20.31'],
  [{ name: 'RLC-810A', manufacturer: 'Reolink', hardware: 'RLC-810A' }, 'Reolink RLC-810A', '192.168.20.31'],
  [{ manufacturer: 'Dahua', hardware: 'Dahua IPC-1' }, 'Dahua IPC-1', '192.168.20.31'],
  [{ name: 'Barn', onCameraNetwork: true }, 'Barn', '192.168.20.31 · on the network for cameras'],
] as const)('a camera that reports %j has the title %s', ([claims, title, text]) => {
  expect(candidateOf({ ...found, ...claims })).toMatchObject({ title, text, request: { endpoint: 'urn:uuid:1' } });
});

test('a camera with two addresses is found once, and not again when it is added', () => {
  const other = { ...found, address: '192.168.20.99' };
  const { fresh } = sortFound([found, other]);
  expect(fresh.map(({ address }) => address)).toEqual(['192.168.20.31, 192.168.20.99']);
  expect(sortFound([{ ...found, path: 'yard' }, other]).fresh).toEqual([]);
});

test('hidden cameras, and those of each other Perch, are apart', () => {
  const [yard, barn] = ['yard', 'barn'].map((endpoint) => ({ ...found, endpoint, perch: '0123456789' }));
  const pond = { ...found, endpoint: 'pond', hidden: true };
  const sorted = sortFound([yard ?? found, found, barn ?? found, pond]);
  expect(sorted).toEqual({ fresh: [found], dismissed: [pond], offered: [[yard, barn]] });
});

test('missing cameras are likely in the network of the found ones', () => {
  expect(likelyRange([found])).toBe('192.168.20.0/24');
  expect(likelyRange([{ ...found, foundFrom: 'fe80::1' }])).toBe('');
  expect(likelyRange([])).toBe('');
});

test.for([
  ['192.168.1.20', '192.168.1.0/24', true],
  ['192.168.2.20', '192.168.1.0/24', false],
  ['192.168.1.130', '192.168.1.128/25', true],
  ['192.168.1.20', '192.168.1.128/25', false],
  ['192.168.1.20', ' 192.168.1.20 ', true],
  ['fe80::1', '192.168.1.0/24', false],
] as const)('%s in %s: %s', ([address, range, isIn]) => {
  expect(isWithin(address, range)).toBe(isIn);
});
