import { expect, test } from 'vitest';
import { endpointFault, findings, phoneAddress, whyText } from './reach-data.ts';
import { en } from './words/en.ts';

type Test = Parameters<typeof findings>[0];
const TEST: Test = {
  time: '2026-11-28T18:00:00Z',
  router: '192.168.1.1',
  own: '192.168.1.9',
  protocols: ['pcp', 'upnp'],
  outside: '93.184.216.7',
  verdict: 'public',
  ipv6: [],
  ipv6Firewall: null,
  forwarded: null,
};
const texts = (more: Partial<Test>) => findings({ ...TEST, ...more }, en).map(({ text }) => text);

test('a router with a public address', () => {
  expect(texts({})).toEqual([
    '192.168.1.1 · opens ports by PCP, UPnP',
    `93.184.216.7 · ${en.verdictPublic}`,
    en.ipv6None,
    en.forwardedUnknown,
  ]);
});

test.for([
  [null, en.ipv6NoRouter],
  ['asked', en.ipv6Asked],
  ['on', en.ipv6On],
  ['off', en.ipv6Off],
  ['unknown', en.ipv6Unknown],
] as const)('with an IPv6 firewall that is %s', ([ipv6Firewall, text]) => {
  expect(texts({ ipv6: ['2a01:4880::2'], ipv6Firewall })[2]).toBe(`2a01:4880::2 · ${text}`);
});

test.for([
  ['carrier', '100.64.3.4', `100.64.3.4 · ${en.verdictCarrier}`],
  ['private', '192.168.0.2', `192.168.0.2 · ${en.verdictPrivate}`],
  ['offline', '0.0.0.0', en.verdictOffline],
] as const)('%s is a warning', ([verdict, outside, text]) => {
  expect(findings({ ...TEST, verdict, outside }, en)[1]).toEqual({ title: en.outside, text, tone: 'warn' });
});

test('a box with its own public address has no need of the router', () => {
  expect(texts({ verdict: 'direct', own: '93.184.216.9', outside: null })[1]).toBe(`93.184.216.9 · ${en.direct}`);
});

test('without a router the rest is left out', () => {
  expect(texts({ router: null, own: null, outside: null, protocols: [], verdict: 'noRouter' })).toEqual([
    en.noRouter,
    en.ipv6None,
  ]);
});

test('a forwarded port without encryption is a risk, with the name that the router shows', () => {
  const port = { transport: 'tcp', port: 8_443, outsidePort: 443, description: 'Perch https', key: null } as const;
  const plain = { ...port, port: 8_080, outsidePort: 80, description: '', key: 'address' };
  expect(findings({ ...TEST, forwarded: [port, plain] }, en).slice(3)).toEqual([
    { title: en.forwarded, text: 'TCP 443 to 8443 · Perch https' },
    { title: en.forwarded, text: `TCP 80 to 8080 · ${en.forwardedPlain}`, tone: 'bad' },
  ]);
  expect(texts({ forwarded: [] })[3]).toBe(en.forwardedNone);
});

test('a reason of a later version has no text of its own', () => {
  expect([whyText('noLease', en), whyText('later', en), whyText(null, en)]).toEqual([
    en.whyNoLease,
    undefined,
    undefined,
  ]);
});

test('a phone opens Perch by https at the address of the tunnel', () => {
  expect(phoneAddress({ isOn: true, address: '10.84.84.1' }, 8_443)).toBe('https://10.84.84.1:8443');
  expect(phoneAddress({ isOn: true, address: '10.84.84.1' }, 443)).toBe('https://10.84.84.1');
  expect(phoneAddress({ isOn: false, address: null }, 8_443)).toBeUndefined();
  expect(phoneAddress({ isOn: true, address: '10.84.84.1' }, null)).toBeUndefined();
});

test.for([
  ['home.example', undefined],
  ['home.example:51820', undefined],
  ['93.184.216.7', undefined],
  ['[2001:db8::1]:51820', undefined],
  ['https://home.example', en.phoneEndpointWrong],
  ['a b', en.phoneEndpointWrong],
  ['2001:db8::1', en.phoneEndpointWrong],
] as const)('the address %s of a home: %s', ([text, fault]) => {
  expect(endpointFault(text, true, en)).toBe(fault);
});

test('without an address that the router says one has to be entered', () => {
  expect([endpointFault('', true, en), endpointFault('', false, en)]).toEqual([undefined, en.phoneEndpointUnknown]);
});
