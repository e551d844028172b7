import { expect, test } from 'vitest';
import { parseMediaAddress } from './candidates.ts';

test.for([
  [':8189', '', 8189],
  ['0.0.0.0:8189', '0.0.0.0', 8189],
  ['192.168.1.2:0', '192.168.1.2', 0],
  ['[::]:8189', '::', 8189],
  ['[::1]:65535', '::1', 65_535],
] as const)('%s is host %s and port %s', ([address, host, port]) => {
  expect(parseMediaAddress(address, 'UDP')).toEqual({ host, port });
});

test.for(['', '8189', ':65536', ':x', 'camera:8189', '1.2.3:1', '[::g]:1', '::1:8189'])(
  "'%s' is refused",
  (address) => {
    expect(() => parseMediaAddress(address, 'TCP')).toThrow('is not a TCP address');
  },
);
