import { expect, test } from 'vitest';
import { isLocalOnly } from './made-link-sheet.tsx';

test.for([
  ['http://192.168.1.5:8080/#/guest/x', true],
  ['http://10.0.0.7/', true],
  ['http://172.31.0.1/', true],
  ['http://172.32.0.1/', false],
  ['http://100.64.0.9/', true],
  ['https://perch.local/', true],
  ['http://perch/', true],
  ['http://box.home.arpa/', true],
  ['http://[fe80::1]/', true],
  ['http://[fd12::1]/', true],
  ['http://[2001:db8::1]/', false],
  ['http://localhost:8080/', true],
  ['https://cams.example.org/perch/#/guest/x', false],
  ['https://10.example.org/', false],
  ['http://203.0.113.9/', false],
] as const)('that %s works at home alone is %s', ([link, atHome]) => {
  expect(isLocalOnly(link)).toBe(atHome);
});
