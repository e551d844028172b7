import { expect, test } from 'vitest';
import { SETTINGS } from '../../../../test/features/archive/support/archive-harness.ts';
import { isEncrypted } from './settings.ts';

const wants = (archiveURL: string, more: Partial<typeof SETTINGS> = {}) =>
  isEncrypted({ ...SETTINGS, archiveURL, ...more });

test.for([
  ['https://s3.eu-central-1.amazonaws.com', true],
  ['https://s3.us-west-004.backblazeb2.com', true],
  ['https://203.0.113.7:9000', true],
  ['https://[2001:db8::1]', true],
  // It may resolve to an address of the local network or not.
  ['https://minio.example.org', true],
  ['https://localhost.example.org', true],
  ['http://192.168.1.5:9000', false],
  ['http://127.0.0.1:9000', false],
  ['https://[fd00::5]', false],
  ['https://[::ffff:10.0.0.1]', false],
  ['https://nas', false],
  ['https://nas.local', false],
  ['https://NAS.Home.ARPA.', false],
] as const)('with auto, objects at %s are encrypted: %s', ([url, isOn]) => {
  expect(wants(url)).toBe(isOn);
  expect(wants(url, { archiveEncryption: 'yes' })).toBe(true);
  expect(wants(url, { archiveEncryption: 'no' })).toBe(false);
});

test('with auto, files in a folder are not encrypted', () => {
  expect(wants('', { archive: 'folder' })).toBe(false);
  expect(wants('', { archive: 'folder', archiveEncryption: 'yes' })).toBe(true);
});
