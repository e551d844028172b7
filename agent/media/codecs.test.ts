import { expect, test } from 'vitest';
import { Collector, rtpFormat, toHex } from '../../test/support/media/units.ts';
import { MPEG4_CONFIG } from '../../test/support/media/video-tracks.ts';
import { CODECS, createDepacketizer } from './codecs.ts';

const AAC = { mode: 'AAC-hbr', config: '1588' };
const H264 = { 'sprop-parameter-sets': 'Z0LAFtkAoC/5cBEAAAMAAQAAAwAeDxYuSA==,aMuDyyA=' };

test.for([
  ['H264', 90_000, 0, H264, [{ codec: 'h264', width: 640, height: 360 }]],
  ['H264', 90_000, 0, {}, []],
  ['H265', 90_000, 0, { 'sprop-max-don-diff': '0' }, []],
  ['AV1', 90_000, 0, {}, []],
  ['VP8', 90_000, 0, {}, []],
  ['VP9', 90_000, 0, { 'profile-id': '0' }, []],
  ['JPEG', 90_000, 0, {}, []],
  ['MP4V-ES', 90_000, 0, {}, []],
  ['MP4V-ES', 90_000, 0, { config: toHex(MPEG4_CONFIG) }, [{ codec: 'mpeg4-video', width: 320, height: 240 }]],
  ['MPEG4-GENERIC', 8_000, 1, AAC, [{ codec: 'aac', clockRate: 8_000 }]],
  ['OPUS', 48_000, 2, { 'sprop-stereo': '1' }, [{ codec: 'opus', channels: 2 }]],
  ['MP4A-LATM', 8_000, 1, { cpresent: '0', config: '40002b103fc0' }, [{ codec: 'aac', clockRate: 8_000 }]],
  ['MP4A-LATM', 90_000, 1, {}, []],
  ['G722', 8_000, 1, {}, [{ codec: 'g722' }]],
  ['L8', 8_000, 1, {}, [{ codec: 'lpcm', bitDepth: 8 }]],
  ['L16', 44_100, 2, {}, [{ codec: 'lpcm', bitDepth: 16, channels: 2 }]],
  ['L24', 48_000, 2, {}, [{ codec: 'lpcm', bitDepth: 24 }]],
  ['G726-32', 8_000, 1, {}, [{ codec: 'lpcm', bitDepth: 16 }]],
  ['AAL2-G726-24', 8_000, 1, {}, [{ codec: 'lpcm', bitDepth: 16 }]],
  ['MPA', 90_000, 1, {}, []],
  ['MPV', 90_000, 0, {}, []],
  ['SMPTE336M', 90_000, 0, {}, [{ codec: 'klv' }]],
  ['SMTPE336M', 90_000, 0, {}, [{ codec: 'klv' }]],
  ['AC3', 48_000, 6, {}, []],
  ['EAC3', 48_000, 6, {}, []],
  ['MP2T', 90_000, 1, {}, [{ codec: 'mpeg-ts' }]],
  ['PCMA', 8_000, 1, {}, [{ codec: 'g711', law: 'a' }]],
  ['PCMU', 16_000, 2, {}, [{ codec: 'g711', law: 'mu', clockRate: 16_000, channels: 2 }]],
] as const)('%s at %i Hz, %i channels is supported', ([encoding, clockRate, channels, fmtp, tracks]) => {
  const seen = new Collector();
  expect(createDepacketizer(rtpFormat(encoding, clockRate, channels, fmtp), seen)).toBeDefined();
  expect(seen.tracks).toMatchObject(tracks);
});

test.for([
  ['another codec', 'SPEEX', 8_000, {}],
  ['G.726 at another rate than its own', 'G726-32', 16_000, {}],
  ['metadata', 'VND.ONVIF.METADATA', 90_000, {}],
  ['H.264 in interleaved mode', 'H264', 90_000, { ...H264, 'packetization-mode': '2' }],
  ['H.265 with decoding order numbers', 'H265', 90_000, { 'sprop-max-don-diff': '2' }],
  ['AAC with decode times in its headers', 'MPEG4-GENERIC', 8_000, { ...AAC, dtsdeltalength: '22' }],
  ['MPEG audio with its frames shuffled', 'MPA-ROBUST', 90_000, {}],
  ['E-AC-3 with another clock', 'EAC3', 90_000, {}],
  ['LATM without the config that the SDP should have', 'MP4A-LATM', 8_000, { cpresent: '0' }],
  ['G.711 without a clock', 'PCMA', 0, {}],
] as const)('not supported: %s', ([, encoding, clockRate, fmtp]) => {
  const seen = new Collector();
  expect(createDepacketizer(rtpFormat(encoding, clockRate, 1, fmtp), seen)).toBeUndefined();
  expect(seen.tracks).toEqual([]);
});

test('the carriers of each codec', () => {
  const carriers = CODECS.map((codec) => {
    const hls = [
      codec.hls?.fmp4 === 'rare' ? 'HLS fMP4 (rare)' : codec.hls?.fmp4 && 'HLS fMP4',
      codec.hls?.mpegts && 'HLS TS',
    ];
    const files = [codec.sampleEntry && 'MP4', codec.fmp4As && 'MP4 as FLAC', codec.tsFormat && 'TS'];
    const rtp = [codec.depacketizers && 'RTP in', codec.packetize && 'RTP out', codec.webrtc && 'WebRTC'];
    return `${codec.label}: ${[...rtp, ...files, ...hls].filter((name) => name).join(', ')}`;
  });
  expect(carriers).toEqual([
    'H264: RTP in, RTP out, WebRTC, MP4, TS, HLS fMP4, HLS TS',
    'H265: RTP in, RTP out, WebRTC, MP4, TS, HLS fMP4',
    'AV1: RTP in, RTP out, WebRTC, MP4, HLS fMP4',
    'VP8: RTP in, RTP out, WebRTC, MP4',
    'VP9: RTP in, RTP out, WebRTC, MP4, HLS fMP4',
    'M-JPEG: RTP in, RTP out, MP4',
    'MPEG-4 Video: RTP in, RTP out, MP4, TS',
    'MPEG-1/2 Video: RTP in, RTP out, MP4, TS',
    'MPEG-4 Audio: RTP in, RTP out, MP4, TS, HLS fMP4, HLS TS',
    'Opus: RTP in, RTP out, WebRTC, MP4, TS, HLS fMP4',
    'FLAC: MP4, HLS fMP4',
    'MPEG-1/2 Audio: RTP in, RTP out, MP4, TS, HLS TS',
    'AC3: RTP in, RTP out, MP4, TS, HLS fMP4 (rare), HLS TS',
    'EAC3: RTP in, RTP out, MP4, TS, HLS fMP4 (rare), HLS TS',
    'G711: RTP in, RTP out, WebRTC, MP4 as FLAC',
    'G722: RTP in, RTP out, WebRTC, MP4 as FLAC',
    'LPCM: RTP in, RTP out, MP4 as FLAC',
    'KLV: RTP in, RTP out, TS',
    'Generic: RTP out',
    'MPEG-TS: RTP in, RTP out',
  ]);
});
