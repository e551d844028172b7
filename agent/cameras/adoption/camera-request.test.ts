import { expect, test } from 'vitest';
import { checkRequest, isRange, privateAddress, privateService, streamAddress } from './camera-request.ts';

test.for([
  '8.8.8.8',
  '127.0.0.1',
  '::1',
  '0.0.0.0',
  '2001:db8::1',
  '::ffff:8.8.8.8',
  '224.0.0.1',
  'camera.local',
  '192.168.1',
  '0x7f.1',
  '',
])('%s is no address of a camera', (address) => {
  expect(() => privateAddress(address, false)).toThrow(/is not/);
});

test.for(['192.168.1.9', '10.0.0.1', '172.31.255.254', '169.254.1.1', 'fd00::1', '[fd00::1]'])(
  '%s is one',
  (address) => {
    expect(privateAddress(address, false)).toBe(address.replace(/[[\]]/g, ''));
  },
);

test.for([
  'http://8.8.8.8/onvif/device_service',
  'http://localhost/onvif/device_service',
  'http://127.0.0.1:9997/v3/config/global/get',
  'http://2130706433/',
  'http://[::1]/',
  'http://admin:x@192.168.1.9/onvif',
  'ftp://192.168.1.9/',
  'file:///etc/passwd',
  'http://metadata.google.internal/',
  'nonsense',
])('%s is no service that is connected to', (url) => {
  expect(() => privateService(url, false)).toThrow(/is not/);
});

test('a link-local address keeps its zone', () => {
  const service = 'http://[fe80::1%25eth0]:8000/onvif/device_service';
  expect(privateService(service, false)).toBe(service);
  expect(privateService(service.replace('%25', '%'), false)).toBe(service);
  expect(streamAddress('rtsp://me:p%40w@[fe80::1%25eth0]/1')).toEqual({
    url: 'rtsp://[fe80::1%25eth0]/1',
    credentials: { user: 'me', password: 'p@w' },
  });
});

test('a service in a private network is taken as it is', () => {
  expect(privateService('https://192.168.1.9:8443/onvif/device_service', false)).toBe(
    'https://192.168.1.9:8443/onvif/device_service',
  );
});

test.for(['192.168.0.0/16', '8.8.8.0/24', '192.168.1.0/33', '127.0.0.0/24', '192.168.1.0/'])(
  'the range %s is refused',
  (range) => {
    expect(() => isRange(range, false)).toThrow();
  },
);

test('a login in an RTSP address is taken out of it', () => {
  expect(streamAddress('rtsp://ann:p%40w@192.168.1.9/1?a=b')).toEqual({
    url: 'rtsp://192.168.1.9/1?a=b',
    credentials: { user: 'ann', password: 'p@w' },
  });
  expect(() => streamAddress('http://192.168.1.9/')).toThrow('rtsp is not an address');
});

test.for([
  {},
  { address: '10.0.0.1', rtsp: 'rtsp://10.0.0.1/' },
  { endpoint: 'urn:uuid:a', address: '10.0.0.1' },
  { address: '10.0.0.1', sub: 'rtsp://10.0.0.1/2' },
])('%o does not say which camera', (request) => {
  expect(() => checkRequest(request)).toThrow();
});
