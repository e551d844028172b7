import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { readProxyHeader } from './proxy-header.ts';

const START = '0d0a0d0a000d0a515549540a';
const text = (line: string) => new TextEncoder().encode(line);
const REST = 'OPTIONS * RTSP/1.0\r\n';

test.for([
  ['PROXY TCP4 192.0.2.7 198.51.100.1 40000 554\r\n', { ip: '192.0.2.7', port: 40_000 }],
  ['PROXY TCP6 2001:DB8:0::7 2001:db8::1 40000 554\r\n', { ip: '2001:db8::7', port: 40_000 }],
  ['PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 1 65535\r\n', { ip: '192.0.2.7', port: 1 }],
  ['PROXY UNKNOWN\r\n', undefined],
  ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', undefined],
] as const)('version 1: %j', ([line, client]) => {
  expect(readProxyHeader(text(`${line}${REST}`))).toEqual({ bytes: line.length, client });
  for (let cut = 0; cut < line.length; cut += 1) {
    expect(readProxyHeader(text(line.slice(0, cut)))).toBe('more');
  }
});

test.for([
  ['IPv4', `${START} 21 11 000c c0000207 c6336401 9c40 022a`, { ip: '192.0.2.7', port: 40_000 }],
  [
    'IPv6',
    `${START} 21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000001 9c40 022a`,
    { ip: '2001:db8::7', port: 40_000 },
  ],
  ['IPv4 and a TLV', `${START} 21 11 0011 c0000207 c6336401 9c40 022a 05 0002 6869`, { ip: '192.0.2.7', port: 40_000 }],
  ["the proxy's own connection", `${START} 20 00 0000`, undefined],
  ["the proxy's own connection, with addresses", `${START} 20 11 000c c0000207 c6336401 9c40 022a`, undefined],
  ['a family that is not named', `${START} 21 00 0003 aabbcc`, undefined],
  ['UDP', `${START} 21 12 000c c0000207 c6336401 9c40 022a`, undefined],
  ['a Unix socket', `${START} 21 31 00d8 ${'2f'.repeat(216)}`, undefined],
] as const)('version 2: %s', ([, bytes, client]) => {
  const header = hex(bytes);
  expect(readProxyHeader(Buffer.concat([header, text(REST)]))).toEqual({ bytes: header.length, client });
  for (let cut = 0; cut < header.length; cut += 1) {
    expect(readProxyHeader(header.subarray(0, cut))).toBe('more');
  }
});

test.for([
  ['RTSP', text(REST)],
  ['RTSP that begins like it', text('PLAY rtsp://box/cam RTSP/1.0\r\n')],
  ['RTMP', hex('03 00000000')],
  ['TLS', hex('160301')],
  ['a signature with another end', hex('0d0a0d0a000d0a5155495400')],
] as const)('%s is no header', ([, bytes]) => {
  expect(readProxyHeader(bytes)).toBe('none');
});

test.for([
  ['a line without end', text(`PROXY UNKNOWN ${'x'.repeat(200)}`), 'more than 107 bytes'],
  ['another family', text('PROXY UDP4 192.0.2.7 198.51.100.1 40000 554\r\n'), 'malformed'],
  ['an end without CR', text('PROXY TCP4 192.0.2.7 198.51.100.1 40000 554\n'), 'malformed'],
  ['a field too many', text('PROXY TCP4 192.0.2.7 198.51.100.1 40000 554 1\r\n'), 'malformed'],
  ['an address of the other family', text('PROXY TCP4 ::1 ::1 40000 554\r\n'), 'malformed'],
  ['a host name', text('PROXY TCP4 camera 198.51.100.1 40000 554\r\n'), 'malformed'],
  ['a port that is too large', text('PROXY TCP4 192.0.2.7 198.51.100.1 65536 554\r\n'), 'malformed'],
  ['another version', hex(`${START} 31 11 000c c0000207 c6336401 9c40 022a`), 'PROXY version 3'],
  ['an unknown command', hex(`${START} 22 11 000c c0000207 c6336401 9c40 022a`), 'command 2'],
  ['addresses cut off', hex(`${START} 21 11 000b c0000207 c6336401 9c40 02`), 'shorter than its addresses'],
  ['a length beyond the limit', hex(`${START} 21 11 1001`), '4097 bytes, at most 4096'],
] as const)('%s is rejected', ([, bytes, message]) => {
  expect(() => readProxyHeader(bytes)).toThrow(message);
});
