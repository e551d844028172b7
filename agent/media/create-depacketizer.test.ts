import { expect, test } from 'vitest';
import { Collector, rtpFormat } from '../../test/units.ts';
import { createDepacketizer } from './create-depacketizer.ts';

const AAC = { mode: 'AAC-hbr', config: '1588' };
const H264 = { 'sprop-parameter-sets': 'Z0LAFtkAoC/5cBEAAAMAAQAAAwAeDxYuSA==,aMuDyyA=' };

test.for([
  ['H264', 90_000, 0, H264, [{ codec: 'h264', width: 640, height: 360 }]],
  ['H264', 90_000, 0, {}, []],
  ['H265', 90_000, 0, { 'sprop-max-don-diff': '0' }, []],
  ['MPEG4-GENERIC', 8_000, 1, AAC, [{ codec: 'aac', clockRate: 8_000 }]],
  ['OPUS', 48_000, 2, { 'sprop-stereo': '1' }, [{ codec: 'opus', channels: 2 }]],
  ['PCMA', 8_000, 1, {}, [{ codec: 'g711', law: 'a' }]],
  ['PCMU', 16_000, 2, {}, [{ codec: 'g711', law: 'mu', clockRate: 16_000, channels: 2 }]],
] as const)('%s at %i Hz, %i channels is supported', ([encoding, clockRate, channels, fmtp, tracks]) => {
  const seen = new Collector();
  expect(createDepacketizer(rtpFormat(encoding, clockRate, channels, fmtp), seen)).toBeDefined();
  expect(seen.tracks).toMatchObject(tracks);
});

test.for([
  ['another codec', 'G726-32', 8_000, {}],
  ['metadata', 'VND.ONVIF.METADATA', 90_000, {}],
  ['H.264 in interleaved mode', 'H264', 90_000, { ...H264, 'packetization-mode': '2' }],
  ['H.265 with decoding order numbers', 'H265', 90_000, { 'sprop-max-don-diff': '2' }],
  ['AAC with decode times in its headers', 'MPEG4-GENERIC', 8_000, { ...AAC, dtsdeltalength: '22' }],
  ['G.711 without a clock', 'PCMA', 0, {}],
] as const)('not supported: %s', ([, encoding, clockRate, fmtp]) => {
  const seen = new Collector();
  expect(createDepacketizer(rtpFormat(encoding, clockRate, 1, fmtp), seen)).toBeUndefined();
  expect(seen.tracks).toEqual([]);
});
