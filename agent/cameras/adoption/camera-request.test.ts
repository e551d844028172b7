import { expect, test } from 'vitest';
import {
  checkRequest,
  isHostName,
  isRange,
  parseHost,
  privateAddress,
  privateService,
  resolvePrivate,
  streamAddress,
} from './camera-request.ts';

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
])('%s is not a camera address', (address) => {
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
])('%s is not connected to', (url) => {
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

test('a service address in a private network is kept', () => {
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

test.for([
  ['192.168.1.20', '192.168.1.20', undefined],
  [' 192.168.1.20:8554 ', '192.168.1.20', 8554],
  ['camera.local', 'camera.local', undefined],
  ['camera.local:88', 'camera.local', 88],
  ['fe80::1%eth0', 'fe80::1%eth0', undefined],
  ['[fe80::1%eth0]:8554', '[fe80::1%eth0]', 8554],
  ['192.168.1.20:70000', '192.168.1.20:70000', undefined],
] as const)('%s is a host and perhaps a port', ([text, host, port]) => {
  expect(parseHost(text)).toEqual({ host, port });
});

test('a name has a letter, and its address is one of a private network', async () => {
  expect(['camera', 'camera.local', 'cam-1.fritz.box.', 'ip_cam'].map(isHostName)).toEqual([true, true, true, true]);
  expect(['192.168.1', '', 'a b', 'fe80::1', 'a..b', 'x/y'].map(isHostName)).toEqual(Array(6).fill(false));
  expect(isRange('camera.local:8554', false)).toBe(false);
  expect(() => isRange('camera.local:99999', false)).toThrow('is not an address');
  expect(await resolvePrivate('localhost', true)).toMatch(/^(127\.0\.0\.1|::1)$/);
  await expect(resolvePrivate('localhost', false)).rejects.toMatchObject({ code: 'badInput' });
  await expect(resolvePrivate('camera.invalid', false)).rejects.toMatchObject({ context: { camera: 'unreachable' } });
});

test.for(['rtsps', 'rtsp+http', 'rtsp+ws', 'rtsps+http'])('%s is an address of a stream, too', (scheme) => {
  expect(streamAddress(`${scheme}://ann:p%40w@192.168.1.9:8554/1`)).toEqual({
    url: `${scheme}://192.168.1.9:8554/1`,
    credentials: { user: 'ann', password: 'p@w' },
  });
});

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
