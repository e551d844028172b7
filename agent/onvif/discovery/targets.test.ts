import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { parseTargets } from './targets.ts';

test.for([
  ['192.168.1.9', ['192.168.1.9']],
  [' 10.0.0.1 ', ['10.0.0.1']],
  ['172.31.255.1/32', ['172.31.255.1']],
  ['192.168.1.9/30', ['192.168.1.9', '192.168.1.10']],
  ['192.168.1.9/31', ['192.168.1.8', '192.168.1.9']],
  ['fe80::1%eth0', ['fe80::1%eth0']],
  ['fd00::5', ['fd00::5']],
] as const)('%s are these addresses', ([text, addresses]) => {
  expect(parseTargets(text)).toEqual(addresses);
});

test('a whole range has all but its first and last address', () => {
  const all = parseTargets('192.168.7.77/24');
  expect([all.length, all[0], all.at(-1)]).toEqual([254, '192.168.7.1', '192.168.7.254']);
});

test.for([
  ['8.8.8.8', 'not in a private network'],
  ['100.64.0.1', 'not in a private network'],
  ['172.32.0.1', 'not in a private network'],
  ['2001:db8::1', 'not in a private network'],
  ['127.0.0.1', 'not in a private network'],
  ['::ffff:8.8.8.8', 'not in a private network'],
  ['10.0.0.0/8', 'too large'],
  ['10.0.0.0/', 'too large'],
  ['10.0.0.0/33', 'too large'],
  ['10.0.0.0/2e1', 'too large'],
  ['fd00::/64', 'neither an address'],
  ['camera.local', 'neither an address'],
  ['10.0.0.1/24/24', 'neither an address'],
  ['0xa000001', 'neither an address'],
  ['', 'neither an address'],
] as const)('%s is refused: %s', ([text, why]) => {
  expect(() => parseTargets(text)).toThrow(PerchError);
  expect(() => parseTargets(text)).toThrow(why);
});

test('loopback is included on request only', () => {
  expect(parseTargets('127.0.0.5', true)).toEqual(['127.0.0.5']);
});
