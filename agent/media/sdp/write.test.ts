import { expect, test } from 'vitest';
import { ac3, eac3, g722, klv, lpcm, mp3, mpegTs } from '../../../test/support/media/audio-tracks.ts';
import { toHex } from '../../../test/support/media/units.ts';
import {
  av1,
  MPEG4_CONFIG,
  mjpeg,
  mpeg2Video,
  mpeg4Video,
  vp8,
  vp9,
} from '../../../test/support/media/video-tracks.ts';
import type { Track } from '../sample/track.ts';
import { parseSdp } from './parse.ts';
import { controlOf, payloadTypeOf, writeSdp } from './write.ts';

const options = { name: 'garden', host: '127.0.0.1', sessionId: 7 };
const sps = Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0xd9);
const video: Track = {
  kind: 'video',
  codec: 'h264',
  clockRate: 90_000,
  width: 640,
  height: 360,
  fps: 15,
  sps,
  pps: [Uint8Array.of(0x68, 0xce), Uint8Array.of(0x68, 0xcf)],
};
const h265: Track = { ...video, codec: 'h265', vps: Uint8Array.of(1), sps: Uint8Array.of(2), pps: [Uint8Array.of(3)] };
const alaw: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

test.for([
  ['h264', video, { payloadType: 96, encoding: 'H264', clockRate: 90_000 }],
  ['h265', h265, { payloadType: 96, encoding: 'H265', clockRate: 90_000 }],
  ['AV1', av1, { payloadType: 96, encoding: 'AV1', clockRate: 90_000 }],
  ['VP8', vp8, { payloadType: 96, encoding: 'VP8', clockRate: 90_000 }],
  ['VP9', vp9, { payloadType: 96, encoding: 'VP9', clockRate: 90_000 }],
  ['MJPEG', mjpeg, { payloadType: 26, encoding: 'JPEG', clockRate: 90_000 }],
  ['MPEG-4 video', mpeg4Video, { payloadType: 96, encoding: 'MP4V-ES', clockRate: 90_000 }],
  ['MPEG-2 video', mpeg2Video, { payloadType: 32, encoding: 'MPV', clockRate: 90_000 }],
  ['KLV', klv, { payloadType: 96, encoding: 'SMPTE336M', clockRate: 90_000 }],
  ['A-law', alaw, { payloadType: 8, encoding: 'PCMA', clockRate: 8000 }],
  ['µ-law', { ...alaw, law: 'mu' }, { payloadType: 0, encoding: 'PCMU', clockRate: 8000 }],
  ['wide µ-law', { ...alaw, law: 'mu', clockRate: 16_000 }, { payloadType: 96, encoding: 'PCMU', clockRate: 16_000 }],
  [
    'aac',
    {
      kind: 'audio',
      codec: 'aac',
      clockRate: 44_100,
      channels: 2,
      config: Uint8Array.of(0x12, 0x10),
      frameSamples: 1024,
    },
    { encoding: 'MPEG4-GENERIC', clockRate: 44_100, channels: 2 },
  ],
  [
    'opus',
    { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 1 },
    { encoding: 'OPUS', clockRate: 48_000, channels: 2 },
  ],
  [
    'Opus with six channels',
    {
      kind: 'audio',
      codec: 'opus',
      clockRate: 48_000,
      channels: 6,
      layout: { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] },
    },
    {
      encoding: 'MULTIOPUS',
      clockRate: 48_000,
      channels: 6,
      fmtp: new Map([
        ['channel_mapping', '0,4,1,2,3,5'],
        ['num_streams', '4'],
        ['coupled_streams', '2'],
      ]),
    },
  ],
  ['G.722', g722, { payloadType: 9, encoding: 'G722', clockRate: 8000, channels: 1 }],
  ['G.722 in stereo', { ...g722, channels: 2 }, { payloadType: 96, encoding: 'G722', channels: 2 }],
  ['LPCM', lpcm, { payloadType: 96, encoding: 'L16', clockRate: 48_000, channels: 2 }],
  ['LPCM of 24 bits', { ...lpcm, bitDepth: 24, channels: 1 }, { payloadType: 96, encoding: 'L24', channels: 1 }],
  ['LPCM as on a CD', { ...lpcm, clockRate: 44_100 }, { payloadType: 10, encoding: 'L16', channels: 2 }],
  ['the same in mono', { ...lpcm, clockRate: 44_100, channels: 1 }, { payloadType: 11, encoding: 'L16', channels: 1 }],
  ['MP3', mp3, { payloadType: 14, encoding: 'MPA', clockRate: 90_000 }],
  ['AC-3', ac3, { payloadType: 96, encoding: 'AC3', clockRate: 48_000, channels: 2 }],
  ['E-AC-3', eac3, { payloadType: 96, encoding: 'EAC3', clockRate: 48_000, channels: 6 }],
] as const)('a description of %s is read back', ([, track, expected]) => {
  const media = parseSdp(writeSdp([track as Track], options)).medias[0];
  expect(media?.kind).toBe(track.kind === 'data' ? 'application' : track.kind);
  expect(media?.formats[0]).toMatchObject(expected);
  expect(media?.formats[0]?.payloadType).toBe(payloadTypeOf(track as Track, 0));
});

test('a multiplex is announced as pictures, which it has', () => {
  const media = parseSdp(writeSdp([mpegTs], options)).medias[0];
  expect(media).toMatchObject({ kind: 'video', formats: [{ payloadType: 33, encoding: 'MP2T', clockRate: 90_000 }] });
});

test('parameter sets travel in the description', () => {
  const fmtp = parseSdp(writeSdp([video], options)).medias[0]?.formats[0]?.fmtp;
  expect(fmtp?.get('profile-level-id')).toBe('42C01E');
  expect(fmtp?.get('packetization-mode')).toBe('1');
  expect(fmtp?.get('sprop-parameter-sets')).toBe('Z0LAHtk=,aM4=,aM8=');
});

test.for([
  ['AV1', av1, { profile: '0', 'level-idx': '0', tier: '0' }],
  ['VP9', { ...vp9, profile: 2 }, { 'profile-id': '2' }],
  ['MPEG-4 video', mpeg4Video, { 'profile-level-id': '1', config: toHex(MPEG4_CONFIG).toUpperCase() }],
  ['VP8', vp8, {}],
  ['MJPEG', mjpeg, {}],
] as const)('what a decoder of %s wants to know beforehand travels in the description', ([, track, fmtp]) => {
  const format = parseSdp(writeSdp([track], options)).medias[0]?.formats[0];
  expect(Object.fromEntries(format?.fmtp ?? [])).toEqual(fmtp);
});

test('each track has its own control', () => {
  const sdp = parseSdp(writeSdp([video, alaw], { ...options, host: '::1' }));
  expect(sdp.medias.map((media) => media.control)).toEqual([controlOf(0), controlOf(1)]);
  expect(sdp.name).toBe('garden');
});

test('a name cannot add lines', () => {
  expect(parseSdp(writeSdp([alaw], { ...options, name: 'x\r\nm=video 0 RTP/AVP 96' })).medias).toHaveLength(1);
});

test.for([
  ['224.1.0.1', 'c=IN IP4 224.1.0.1/16'],
  ['ff15::2', 'c=IN IP6 ff15::2'],
] as const)('a multicast description names the group %s and the port of every track', ([group, connection]) => {
  const ports = [
    [8002, 8003],
    [8004, 8005],
  ] as const;
  const lines = writeSdp([video, alaw], { ...options, multicast: { group, ports, ttl: 16 } }).split('\r\n');
  expect(lines.filter((line) => /^(?:m|c)=/.test(line)).slice(1)).toEqual([
    'm=video 8002 RTP/AVP 96',
    connection,
    'm=audio 8004 RTP/AVP 8',
    connection,
  ]);
});

test('FLAC is left out, and the other tracks keep their control URLs; alone it is rejected', () => {
  const flac: Track = { kind: 'audio', codec: 'flac', clockRate: 48_000, channels: 2, frameSamples: 4_608 };
  const { medias } = parseSdp(writeSdp([flac, video], options));
  expect(medias.map(({ kind, control }) => [kind, control])).toEqual([['video', controlOf(1)]]);
  expect(() => writeSdp([flac], options)).toThrow('FLAC has no RTP format');
});
