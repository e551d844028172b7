import { expect, test } from 'vitest';
import { addressFault, addressOf, invitationFault } from './away-data.ts';

test.for([
  ['cloud.example', 'cloud.example:443'],
  [' https://cloud.example/ ', 'cloud.example:443'],
  ['https://cloud.example:8443/#/live', 'cloud.example:8443'],
  ['192.0.2.7:9443', '192.0.2.7:9443'],
  ['[2001:db8::5]', '[2001:db8::5]:443'],
  ['cloud.example:0', undefined],
  ['cloud.example:70000', undefined],
  ['not an address', undefined],
  ['2001:db8::5', undefined],
] as const)('the address of %s is %s', ([text, address]) => {
  expect(addressOf(text)).toBe(address);
  expect(addressFault(text) === undefined).toBe(address !== undefined);
});

test('no address is needed, and an invitation of a box is not one of a server', () => {
  expect(addressFault(' ')).toBeUndefined();
  expect(invitationFault(' perch://server?at=a:1&key=x\n')).toBeUndefined();
  expect(invitationFault('perch://invitation?at=a:1')).toBeDefined();
});
