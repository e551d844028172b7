import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { canonicalIp } from '../../agent/base/network/ip-address.ts';
import { MAX_PROXY_HEADER_BYTES, readProxyHeader } from '../../agent/transports/tcp/proxy-header.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';
import { hex } from '../support/media/units.ts';

const START = '0d0a0d0a000d0a515549540a';
const REST = 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n';
const text = (line: string): Uint8Array => new TextEncoder().encode(`${line}\r\n${REST}`);
const SEEDS = [
  text('PROXY TCP4 192.0.2.7 198.51.100.1 40000 554'),
  text('PROXY TCP6 2001:db8::7 2001:db8::1 40000 554'),
  hex(`${START} 21 11 0011 c0000207 c6336401 9c40 022a 05 0002 6869`),
  hex(`${START} 21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000001 9c40 022a`),
];

test('damaged PROXY headers name an address within their bytes, or are rejected', () => {
  const next = random(1);
  const outcome = { client: 0, none: 0, more: 0, refused: 0 };
  for (let i = 0; i < byLength(20_000, 200_000); i += 1) {
    const bytes = mutate(SEEDS[i % SEEDS.length] as Uint8Array, next);
    try {
      const header = readProxyHeader(bytes);
      if (typeof header === 'string') {
        outcome[header] += 1;
        expect(header === 'more' && bytes.length >= MAX_PROXY_HEADER_BYTES).toBe(false);
        continue;
      }
      expect(header.bytes).toBeLessThanOrEqual(bytes.length);
      if (header.client) {
        outcome.client += 1;
        const { ip, port } = header.client;
        expect([canonicalIp(ip), port >= 0 && port < 65_536]).toEqual([ip, true]);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      outcome.refused += 1;
    }
  }
  expect(Math.min(...Object.values(outcome))).toBeGreaterThan(500);
});
