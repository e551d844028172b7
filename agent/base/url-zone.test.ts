import { expect, test } from 'vitest';
import { withoutZone, zonedUrl, zoneOf } from './url-zone.ts';

test.for([
  ['http://[fe80::1%25eth0]:8000/onvif?x=]', 'http://[fe80::1]:8000/onvif?x=]', 'eth0'],
  ['rtsp://[fe80::a1%br-lan.5]/main', 'rtsp://[fe80::a1]/main', 'br-lan.5'],
  ['rtsp://me:p%25w@[FE80::1%25eth0]/', 'rtsp://me:p%25w@[FE80::1]/', 'eth0'],
  ['rtsp+http://[fe80::1%252]:80/1', 'rtsp+http://[fe80::1]:80/1', '2'],
] as const)('%s has a zone, which can be taken away and put back', ([url, plain, zone]) => {
  expect(withoutZone(url)).toBe(plain);
  expect(zoneOf(url)).toBe(zone);
  const again = zonedUrl(new URL(plain), zone);
  expect(withoutZone(again)).toBe(new URL(plain).href);
  expect(zoneOf(again)).toBe(zone);
});

test.for([
  'http://192.168.1.2/onvif',
  'http://[fd00::1]/onvif',
  'http://[fd00::1%25eth0]/',
  'http://10.0.0.1/[fe80::1%25eth0]/',
  'http://[fe80::1%25eth0/x]/',
])('%s has none', (url) => {
  expect(withoutZone(url)).toBe(url);
  expect(zoneOf(url)).toBeUndefined();
});
