import { expect, test } from 'vitest';
import { chooseXAddr } from './found-camera.ts';

const NETWORKS = [{ address: '192.168.1.2', prefixBits: 24 }];
const RESPONDER = '192.168.1.50';

test.for([
  ['the one with the responder as host', 'http://10.0.0.1/a http://192.168.1.50:8000/b', 'http://192.168.1.50:8000/b'],
  ['the responder, even if it names another address of the subnet', 'http://192.168.1.51/b', 'http://192.168.1.50/b'],
  ['a far one with the host replaced', 'http://10.0.0.1:2020/onvif?x=1', 'http://192.168.1.50:2020/onvif?x=1'],
  ['0.0.0.0 replaced', 'http://0.0.0.0:8080/onvif/device_service', 'http://192.168.1.50:8080/onvif/device_service'],
  ['link-local left for the real one', 'http://169.254.3.4/a http://192.168.1.50/b', 'http://192.168.1.50/b'],
  ['IPv6 replaced', 'http://[fe80::1]/a', 'http://192.168.1.50/a'],
  ['a name replaced', 'http://camera.local/a', 'http://192.168.1.50/a'],
  ['no credentials', 'http://user:secret@192.168.1.50/a', 'http://192.168.1.50/a'],
  ['no other scheme', 'ftp://192.168.1.50/ file:///etc/passwd', undefined],
  ['nothing of nonsense', 'http:// :::', undefined],
  ['nothing of nothing', '', undefined],
] as const)('from our network it takes %s', ([, claims, expected]) => {
  expect(chooseXAddr(claims.split(' '), RESPONDER, NETWORKS)).toBe(expected);
});

test.for([
  ['of a second address of the camera', '10.9.9.9', 'http://10.9.9.9/a http://192.168.1.51/b', 'http://10.9.9.9/a'],
  [
    'from a link-local address',
    '169.254.3.4',
    'http://10.1.1.1/a http://192.168.1.51:81/b',
    'http://192.168.1.51:81/b',
  ],
  ['over IPv6', 'fe80::1%eth0', 'http://[fe80::1]/a http://192.168.1.51/b', 'http://192.168.1.51/b'],
  [
    "over IPv6 with the camera's own zone",
    'fe80::1%eth0',
    'http://[fe80::1%25br0]:81/b',
    'http://[fe80::1%25eth0]:81/b',
  ],
  ['over IPv6 that names this machine', 'fe80::1%eth0', 'http://192.168.1.2:9997/b', 'http://[fe80::1%25eth0]:9997/b'],
  ['over IPv6 alone', 'fe80::1%eth0', 'http://192.168.9.9:81/b?c', 'http://[fe80::1%25eth0]:81/b?c'],
  ['over routed IPv6', 'fd00::7', 'http://[fe80::1]:81/a', 'http://[fd00::7]:81/a'],
] as const)('an answer %s', ([, responder, claims, expected]) => {
  expect(chooseXAddr(claims.split(' '), responder, NETWORKS)).toBe(expected);
});
