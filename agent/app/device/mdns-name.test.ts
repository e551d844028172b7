import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { good, linesOf } from '../../../test/support/harness/loaded-config.ts';
import { createLogger } from '../../base/log.ts';
import { MdnsName } from './mdns-name.ts';

const network = { interfaces: {}, onChange: () => () => {} };
const options = { dataDir: '/nowhere', clock: new FakeClock(), log: createLogger('error', () => {}) };
const settingsOf = (text: string, more = {}) =>
  new MdnsName({ ...options, network, ...more }).component(() => 80).settings(good(text));

test.for([
  ['', 'perch'],
  ['boxName: Barn', 'barn'],
  ['boxName: barn.local', 'barn'],
  ["address: '192.0.2.5:80'", 'perch'],
] as const)('with "%s" the box is called %s', ([text, boxName]) => {
  expect(settingsOf(text)).toMatchObject({ boxName });
});

test.for(['mdns: no', "address: '127.0.0.1:80'", "address: '[::1]:80'", "address: 'localhost:80'"])(
  'with "%s" nothing is announced',
  (text) => {
    expect(settingsOf(text)).toBeUndefined();
  },
);

test('nothing is announced without a network', () => {
  expect(settingsOf('', { network: undefined })).toBeUndefined();
});

test.for(['my box', '-barn', 'barn-', 'a.b', '', 'x'.repeat(59), 'käfer'])('"%s" is not a box name', (name) => {
  expect(linesOf(`boxName: '${name}'`, 'error')).toEqual([expect.stringContaining('is not a host name')]);
});
