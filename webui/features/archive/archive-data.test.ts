import { expect, test } from 'vitest';
import { HOURS } from '../../forms/hours.ts';
import { type ArchiveConfig, changeOf, isServerUrl, RATE, serverUrlOf, testOf, valuesOf } from './archive-data.ts';

const CONFIG: ArchiveConfig = {
  archive: 's3',
  archiveFolder: '',
  archiveURL: 'https://s3.example.org',
  archiveBucket: 'cams',
  archiveRegion: 'us-east-1',
  archiveAccessKey: 'id',
  archiveEncryption: 'auto',
  archiveMaxRate: '0B',
  archiveHours: '',
};

test.for([
  ['s3.example.org', 'https://s3.example.org'],
  [' http://192.168.1.5:9000/ ', 'http://192.168.1.5:9000'],
  ['', ''],
] as const)('%j is the server %j', ([typed, url]) => {
  expect(serverUrlOf(typed)).toBe(url);
  expect(isServerUrl(url)).toBe(url !== '');
});

test('addresses with a login or a query are none of a server', () => {
  expect(['https://me:x@host', 'https://host?x', 'ftp://host', 'https://'].filter(isServerUrl)).toEqual([]);
});

test('no limit is an empty text, and the secret key is sent only if it was typed', () => {
  const values = valuesOf(CONFIG);
  expect(values).toMatchObject({ archiveMaxRate: '', archiveSecretKey: '' });
  expect(valuesOf({ ...CONFIG, archiveMaxRate: '2M' }).archiveMaxRate).toBe('2M');
  expect(changeOf({ archiveMaxRate: '', archiveSecretKey: '' })).toEqual({ archiveMaxRate: '0B' });
  expect(changeOf({ archiveURL: 'host', archiveSecretKey: 'x' })).toEqual({
    archiveURL: 'https://host',
    archiveSecretKey: 'x',
  });
  expect(Object.keys(testOf(values))).not.toContain('archiveSecretKey');
  expect(testOf({ ...values, archiveSecretKey: 'x' })).toMatchObject({ archiveSecretKey: 'x', archiveBucket: 'cams' });
});

test('hours and rates are recognised', () => {
  expect(['22:00-06:00', '00:00-23:59'].every((text) => HOURS.test(text))).toBe(true);
  expect(['22-6', '24:00-01:00', '22:00'].some((text) => HOURS.test(text))).toBe(false);
  expect(['2M', '500K', '1.5M'].every((text) => RATE.test(text))).toBe(true);
  expect(['2', 'fast', '2 MB'].some((text) => RATE.test(text))).toBe(false);
});
