import { expect, test } from 'vitest';
import { parseAddress, parseIpRange } from './address.ts';

test.for([
  [':8889', { host: undefined, port: 8889 }],
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['nas.local:0', { host: 'nas.local', port: 0 }],
] as const)('%s has a host and a port', ([text, address]) => {
  expect(parseAddress(text)).toEqual(address);
});

test('an empty address switches a listener off', () => {
  expect(parseAddress('')).toBeUndefined();
});

test.for(['8889', ':', ':65536', 'a b:80', ':80x', '::1:80'])('%s is not an address', (text) => {
  expect(() => parseAddress(text)).toThrow('is not an address: write for example :8889 or 127.0.0.1:8889');
});

test.for([
  ['127.0.0.1', '127.0.0.1/32'],
  ['::1', '::1/128'],
  ['192.168.0.0/16', '192.168.0.0/16'],
] as const)('%s is shown as %s', ([text, shown]) => {
  expect(parseIpRange(text)).toBe(shown);
});

test.for(['localhost', '1.2.3', '1.2.3.4/33', '1.2.3.4/', '::1/129', '1.2.3.4/8/8'])('%s is not a range', (text) => {
  expect(() => parseIpRange(text)).toThrow('is not an IP address or range');
});
