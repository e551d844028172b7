import { expect, test } from 'vitest';
import { chooseXAddr } from './xaddr.ts';

const SUBNET = { address: '192.168.1.2', prefixBits: 24 };
const RESPONDER = '192.168.1.50';

test.for([
  ['the one with the responder as host', 'http://10.0.0.1/a http://192.168.1.50:8000/b', 'http://192.168.1.50:8000/b'],
  ['one in the subnet before a far one', 'http://10.0.0.1/a http://192.168.1.51/b', 'http://192.168.1.51/b'],
  ['a far one with the host replaced', 'http://10.0.0.1:2020/onvif?x=1', 'http://192.168.1.50:2020/onvif?x=1'],
  ['0.0.0.0 replaced', 'http://0.0.0.0:8080/onvif/device_service', 'http://192.168.1.50:8080/onvif/device_service'],
  ['link-local left for the real one', 'http://169.254.3.4/a http://192.168.1.50/b', 'http://192.168.1.50/b'],
  ['IPv6 replaced', 'http://[fe80::1]/a', 'http://192.168.1.50/a'],
  ['a name replaced', 'http://camera.local/a', 'http://192.168.1.50/a'],
  ['no credentials', 'http://user:secret@192.168.1.50/a', 'http://192.168.1.50/a'],
  ['no other scheme', 'ftp://192.168.1.50/ file:///etc/passwd', undefined],
  ['nothing of nonsense', 'http:// :::', undefined],
  ['nothing of nothing', '', undefined],
] as const)('it takes %s', ([, claims, expected]) => {
  expect(chooseXAddr(claims.split(' '), RESPONDER, SUBNET)).toBe(expected);
});
