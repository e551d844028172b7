import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { parseTransport, parseTransports, writeTransport } from './transport.ts';

test.for([
  ['RTP/AVP/TCP;unicast;interleaved=0-1', { protocol: 'tcp', interleaved: [0, 1] }],
  ['RTP/AVP/TCP;interleaved=4', { protocol: 'tcp', interleaved: [4, 5] }],
  ['RTP/AVP;unicast;interleaved=0-1', { protocol: 'tcp', interleaved: [0, 1] }],
  ['RTP/AVP/TCP;ssrc=1;unicast;interleaved=2-3;mode="PLAY"', { interleaved: [2, 3], mode: 'play', ssrc: 1 }],
  ['RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=  5D9F2A', { ssrc: 0x5d9f2a }],
  ['RTP/AVP;unicast;client_port=5000-5001', { protocol: 'udp', clientPort: [5000, 5001], serverPort: undefined }],
  ['RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record', { isSecure: true, mode: 'record' }],
  ['RTP/AVP;multicast;destination=224.1.0.1;port=8002-8003;ttl=16', { isMulticast: true, port: [8002, 8003], ttl: 16 }],
  ['rtp/avp/tcp; unicast; source=camera.local; interleaved=0 - 1', { source: 'camera.local', interleaved: [0, 1] }],
  ['client_port=5000-5001;RTP/AVP;mode="PLAY";unicast', { protocol: 'udp', clientPort: [5000, 5001], mode: 'play' }],
  ['RTP/AVP/TCP;interleaved=300-301', { interleaved: undefined }],
] as const)('%s', ([text, expected]) => {
  expect(parseTransport(text)).toMatchObject(expected);
});

test('the alternatives of a request keep their order, without those that are not RTP', () => {
  const text = 'RAW/RAW/UDP;client_port=1,RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1';
  expect(parseTransports(text).map((transport) => transport.protocol)).toEqual(['udp', 'tcp']);
});

test('a reply without an RTP transport is rejected', () => {
  expect(() => parseTransport('MP2T/H2221/UDP')).toThrow("'MP2T/H2221/UDP' is not an RTP transport");
});

test.for([
  'RTP/AVP/TCP;unicast;interleaved=0-1',
  'RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0000ABCD;mode=play',
  'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=10.0.0.1',
  'RTP/SAVP;multicast;port=8002-8003;ttl=16;destination=224.1.0.1',
])('%s is written as it was read', (text) => {
  expect(writeTransport(parseTransport(text))).toBe(text);
});

test('mutated headers give transports or a PerchError', () => {
  const next = random(3);
  const seed = 'RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0000ABCD;mode=play,RTP/AVP;client_port=1-2';
  for (let i = 0; i < 5_000; i += 1) {
    const at = Math.floor(next() * seed.length);
    const text = seed.slice(0, at) + String.fromCharCode(next() * 300) + seed.slice(at + Math.floor(next() * 3));
    try {
      const [rtp, rtcp] = parseTransport(text).interleaved ?? [0, 0];
      expect(rtp >= 0 && rtp <= 255 && rtcp >= 0 && rtcp <= 255).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
