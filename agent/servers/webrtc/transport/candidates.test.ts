import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { AdditionalHosts } from './additional-hosts.ts';
import { type CandidateOptions, gatherAddresses, type LocalPort, writeCandidates } from './candidates.ts';

const HOSTS: CandidateOptions = {
  webrtcAdditionalHosts: [],
  webrtcIPsFromInterfaces: true,
  webrtcIPsFromInterfacesList: [],
};
const OFF: LocalPort = { port: 0, ipv4: false, ipv6: false, only: undefined };
const ANY: LocalPort = { port: 8_189, ipv4: true, ipv6: true, only: undefined };

const textsOf = async (options: CandidateOptions): Promise<string[]> =>
  (await gatherAddresses(options, new AdditionalHosts(new FakeClock(), silentLogger))).map(({ address }) => address);
const own = (...addresses: string[]) => addresses.map((address) => ({ address, isAdditional: false }));

test('addresses are those of the interfaces and of the configuration, loopback last', async () => {
  const addresses = await textsOf({ ...HOSTS, webrtcAdditionalHosts: ['203.0.113.9', 'localhost'] });
  expect(addresses).toContain('203.0.113.9');
  expect(addresses.some((address) => address.startsWith('fe80:'))).toBe(false);
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(addresses.indexOf('203.0.113.9')).toBeLessThan(addresses.indexOf('127.0.0.1'));
});

test('unknown interfaces have no addresses', async () => {
  expect(await textsOf({ ...HOSTS, webrtcIPsFromInterfacesList: ['none0'] })).toEqual([]);
});

test('a name that does not resolve is left out', async () => {
  const options = { ...HOSTS, webrtcIPsFromInterfaces: false, webrtcAdditionalHosts: ['perch.invalid', '192.0.2.4'] };
  const clock = new FakeClock();
  const gathered = gatherAddresses(options, new AdditionalHosts(clock, silentLogger));
  await clock.advance(1_000);
  expect(await gathered).toEqual([{ address: '192.0.2.4', isAdditional: true }]);
});

test('the first candidate has the highest priority, and UDP precedes TCP', () => {
  expect(writeCandidates(own('192.0.2.1', '2001:db8::1'), { udp: ANY, tcp: { ...ANY, port: 8_190 } })).toEqual([
    '1 1 udp 2130706431 192.0.2.1 8189 typ host',
    '2 1 udp 2130706175 2001:db8::1 8189 typ host',
    '3 1 tcp 1671430143 192.0.2.1 8190 typ host tcptype passive',
    '4 1 tcp 1671429887 2001:db8::1 8190 typ host tcptype passive',
  ]);
});

test('an added host has candidates for both components', () => {
  expect(writeCandidates([{ address: '203.0.113.9', isAdditional: true }], { udp: ANY, tcp: OFF })).toEqual([
    '1 1 udp 2130706431 203.0.113.9 8189 typ host',
    '1 2 udp 2130706430 203.0.113.9 8189 typ host',
  ]);
});

test.for([
  ['without IPv6', { ...ANY, ipv6: false }, ['192.0.2.1', '127.0.0.1', '203.0.113.9']],
  ['without IPv4', { ...ANY, ipv4: false }, ['2001:db8::1', '203.0.113.9']],
  ['bound to one address', { ...ANY, only: '127.0.0.1' }, ['127.0.0.1', '203.0.113.9']],
  ['that is closed', OFF, []],
] as const)(
  'a port %s offers the addresses that it answers on, and those that lead to it from elsewhere',
  ([, local, expected]) => {
    const addresses = [...own('192.0.2.1', '2001:db8::1', '127.0.0.1'), { address: '203.0.113.9', isAdditional: true }];
    for (const ports of [
      { udp: local, tcp: OFF },
      { udp: OFF, tcp: local },
    ]) {
      const offered = new Set(writeCandidates(addresses, ports).map((line) => line.split(' ')[4]));
      expect([...offered]).toEqual(expected);
    }
  },
);
