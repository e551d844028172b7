import { expect, test } from 'vitest';
import { Collector, rtpFormat } from '../../../test/support/media/units.ts';
import { createDepacketizer } from '../codecs.ts';
import { describeFormat, describeOffer } from './describe-format.ts';

test.for([
  ['H264', 90_000, 1, { 'packetization-mode': '2' }, 'H264 (NAL units out of order, packetization-mode=2)'],
  ['H265', 90_000, 1, { 'sprop-max-don-diff': '3' }, 'H265 (NAL units out of order, sprop-max-don-diff=3)'],
  [
    'MPEG4-GENERIC',
    16_000,
    1,
    { config: '1408', constantsize: '40' },
    'MPEG4-GENERIC (AU headers that are not those of AAC-hbr or AAC-lbr)',
  ],
  ['MPEG4-GENERIC', 16_000, 1, { config: 'f940' }, 'MPEG4-GENERIC (no AAC by its configuration, config=f940)'],
  ['MPEG4-GENERIC', 90_000, 1, {}, 'MPEG4-GENERIC (no AAC by its configuration, without config)'],
  ['MP4A-LATM', 16_000, 1, { cpresent: '0' }, 'MP4A-LATM (no AAC by its configuration, without config)'],
  ['PCMU', 96_000, 1, {}, 'PCMU (with 96000 Hz and one channel)'],
  ['L16', 1_000_000, 2, {}, 'L16 (with 1000000 Hz and 2 channels)'],
  ['MPA', 44_100, 1, {}, 'MPA (with 44100 Hz and one channel)'],
  ['MPA-ROBUST', 90_000, 1, {}, 'MPA-ROBUST'],
  ['SPEEX', 16_000, 1, {}, 'SPEEX'],
] as const)(
  '%s at %i Hz with %i channels and %o is described with the value that is not supported',
  ([encoding, clockRate, channels, fmtp, text]) => {
    const format = rtpFormat(encoding, clockRate, channels, fmtp);
    expect(createDepacketizer(format, new Collector())).toBeUndefined();
    expect(describeFormat(format)).toBe(text);
  },
);

test.for([
  ['PCMU', 8_000],
  ['MPA', 90_000],
] as const)('%s that is taken is just that', ([encoding, clockRate]) => {
  expect(describeFormat(rtpFormat(encoding, clockRate, 1, {}))).toBe(encoding);
});

test('a parameter of any length is cut to 40 characters', () => {
  const format = rtpFormat('MP4A-LATM', 16_000, 1, { cpresent: '0', config: 'f'.repeat(10_000) });
  expect(describeFormat(format)).toHaveLength('MP4A-LATM (no AAC by its configuration, config=)'.length + 40);
});

test.for([
  [[], 'nothing'],
  [['PCMU', 'SPEEX'], 'PCMU, SPEEX'],
  [new Array(10).fill('GSM'), new Array(10).fill('GSM').join(', ')],
  [new Array(4096).fill('GSM'), `${new Array(10).fill('GSM').join(', ')} and 4086 more`],
] as const)('an offer is described by its first ten formats', ([encodings, text]) => {
  expect(describeOffer(encodings.map((encoding: string) => rtpFormat(encoding, 8_000, 1, {})))).toBe(text);
});
