import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import {
  EpochWatch,
  parsePortControl,
  writeAddressRequest,
  writeNatPmpMap,
  writePcpAnnounce,
  writePcpMap,
} from './port-control.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const NONCE = bytes('c09b80264ec5f411e03a2d7f');
const SELF = '00000000 00000000 0000ffff c0a84d02';

/** Answers of miniupnpd 2.3.1. */
const ANNOUNCED = bytes('02800000 00000000 00000001 000000000000000000000000');
const MAPPED = bytes(
  '02810000 00000258 00000001 000000000000000000000000 c09b80264ec5f411e03a2d7f 06000000 20fb 4e20 00000000 00000000 0000ffff 5db8d807',
);
const ADDRESS = bytes('00800000 00000007 5db8d807');
const NAT_PMP_MAPPED = bytes('00820000 00000009 20fb 20fc 00000e10');

test('requests have the bytes of RFC 6887 and RFC 6886', () => {
  expect(writePcpAnnounce('192.168.77.2')).toEqual(bytes(`02000000 00000000 ${SELF}`));
  const wanted = { client: '192.168.77.2', nonce: NONCE, transport: 'tcp', port: 8_443, outsidePort: 8_443 } as const;
  expect(writePcpMap({ ...wanted, lifetimeS: 600 })).toEqual(
    bytes(`02010000 00000258 ${SELF} c09b80264ec5f411e03a2d7f 06000000 20fb20fb 00000000 00000000 0000ffff 00000000`),
  );
  // By IPv6 any address of that version is wanted.
  const own = '20010db8 00770000 00000000 00000002';
  expect(writePcpAnnounce('2001:db8:77::2')).toEqual(bytes(`02000000 00000000 ${own}`));
  expect(writePcpMap({ ...wanted, client: '2001:db8:77::2', lifetimeS: 600 })).toEqual(
    bytes(`02010000 00000258 ${own} c09b80264ec5f411e03a2d7f 06000000 20fb20fb ${'0'.repeat(32)}`),
  );
  expect(writeAddressRequest()).toEqual(bytes('0000'));
  expect(writeNatPmpMap('tcp', 8_443, 8_443, 3_600)).toEqual(bytes('00020000 20fb20fb 00000e10'));
  expect(writeNatPmpMap('udp', 51_820, 51_820, 3_600)[1]).toBe(1);
  // RFC 6886 §3.4: the outside port is 0.
  expect(writeNatPmpMap('tcp', 8_443, 8_443, 0)).toEqual(bytes('00020000 20fb0000 00000000'));
});

test('answers of miniupnpd', () => {
  expect(parsePortControl(ANNOUNCED)).toEqual({ version: 'pcp', kind: 'announce', result: 0, epochS: 1 });
  expect(parsePortControl(MAPPED)).toEqual({
    version: 'pcp',
    kind: 'map',
    result: 0,
    epochS: 1,
    mapping: {
      nonce: new Uint8Array(NONCE),
      transport: 'tcp',
      port: 8_443,
      outsidePort: 20_000,
      lifetimeS: 600,
      outsideIp: '93.184.216.7',
    },
  });
  expect(parsePortControl(ADDRESS)).toEqual({
    version: 'natPmp',
    kind: 'address',
    result: 0,
    epochS: 7,
    outsideIp: '93.184.216.7',
  });
  expect(parsePortControl(NAT_PMP_MAPPED)?.mapping).toEqual({
    transport: 'tcp',
    port: 8_443,
    outsidePort: 8_444,
    lifetimeS: 3_600,
  });
});

test('a router with NAT-PMP alone answers PCP with its version, cut after the result', () => {
  expect(parsePortControl(bytes('00800001 00000005'))).toEqual({
    version: 'natPmp',
    kind: 'address',
    result: 1,
    epochS: 5,
  });
  expect(parsePortControl(bytes('00820002 00000005'))).toMatchObject({ kind: 'map', result: 2 });
});

test.for([
  ['a request', writePcpAnnounce('192.168.77.2')],
  ['nothing', Buffer.alloc(0)],
  ['an answer of another version', bytes('03800000 00000000 00000001 000000000000000000000000')],
  ['a cut answer', MAPPED.subarray(0, 40)],
  ['an address without the address', ADDRESS.subarray(0, 8)],
  ['a protocol that was not asked for', Buffer.concat([MAPPED.subarray(0, 36), bytes('ff'), MAPPED.subarray(37)])],
  ['more than a message may have', Buffer.concat([MAPPED, Buffer.alloc(1_100)])],
] as const)('%s is no answer', ([, datagram]) => {
  expect(parsePortControl(datagram)).toBeUndefined();
});

test('damaged answers are read or ignored: ports and lifetimes stay within their bounds', () => {
  const next = random(6_887);
  for (let i = 0; i < byLength(4_000, 400_000); i += 1) {
    const whole = [ANNOUNCED, MAPPED, ADDRESS, NAT_PMP_MAPPED][i % 4] as Buffer;
    const answer = parsePortControl(mutate(whole, next));
    for (const port of [answer?.mapping?.port ?? 0, answer?.mapping?.outsidePort ?? 0]) {
      expect(port).toBeLessThan(65_536);
    }
    expect(answer?.result ?? 0).toBeLessThan(65_536);
    expect(answer?.mapping?.outsideIp ?? answer?.outsideIp ?? '1.1.1.1').toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  }
});

test.for([
  [
    'runs as ours does',
    [
      [100, 0],
      [160, 60],
      [1_960, 1_860],
    ],
    false,
  ],
  [
    'is slow by less than a sixteenth',
    [
      [100, 0],
      [1_800, 1_800],
    ],
    false,
  ],
  [
    'begins again',
    [
      [5_000, 0],
      [3, 60],
    ],
    true,
  ],
  [
    'begins again, and is older than before',
    [
      [10, 0],
      [90, 3_600],
    ],
    true,
  ],
  [
    'jumps ahead',
    [
      [10, 0],
      [90_000, 60],
    ],
    true,
  ],
  ['is seen for the first time', [[0, 9_999]], false],
] as const)("a router's epoch that %s", ([, seen, isNew]) => {
  const watch = new EpochWatch();
  const found = seen.map(([epochS, monoS]) => watch.hasRestarted(epochS, monoS * 1_000));
  expect(found.at(-1)).toBe(isNew);
});
