import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { parseSdp } from './parse.ts';

const hikvision = `v=0
o=- 1109162014219182 1109162014219192 IN IP4 x.y.z.w
s=Media Presentation
e=NONE
c=IN IP4 0.0.0.0
t=0 0
a=control:*
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=control:trackID=1
a=recvonly
a=fmtp:96 profile-level-id=4D0014;packetization-mode=0;sprop-parameter-sets=Z00AFJWoWCWm4CAgIEA=,aO48gA==
m=audio 0 RTP/AVP 0
a=control:trackID=2
m=audio 0 RTP/AVP 0
a=control:trackID=3
a=sendonly
m=application 0 RTP/AVP 107
a=control:trackID=4
a=rtpmap:107 vnd.onvif.metadata/90000`;

test('a camera description is read whole', () => {
  const sdp = parseSdp(hikvision.replaceAll('\n', '\r\n'));
  expect(sdp.name).toBe('Media Presentation');
  expect(sdp.control).toBe('*');
  expect(sdp.medias.map((media) => [media.kind, media.control, media.isBackChannel])).toEqual([
    ['video', 'trackID=1', false],
    ['audio', 'trackID=2', false],
    ['audio', 'trackID=3', true],
    ['application', 'trackID=4', false],
  ]);
  const video = sdp.medias[0]?.formats[0];
  expect(video).toMatchObject({ payloadType: 96, encoding: 'H264', clockRate: 90_000, channels: 1 });
  expect(video?.fmtp.get('sprop-parameter-sets')).toBe('Z00AFJWoWCWm4CAgIEA=,aO48gA==');
  expect(sdp.medias[1]?.formats).toMatchObject([{ payloadType: 0, encoding: 'PCMU', clockRate: 8000 }]);
});

test.for([
  ['for any of its formats', 'a=x-dimensions:2592,1944', { width: 2592, height: 1944 }],
  ['for this payload type', 'a=framesize:26 2560-1920', { width: 2560, height: 1920 }],
  [
    'for this payload type before others',
    'a=x-dimensions: 1, 2\na=framesize:26 2560-1920',
    { width: 2560, height: 1920 },
  ],
  ['for another payload type', 'a=framesize:96 2560-1920', undefined],
  ['in words', 'a=x-dimensions:large', undefined],
  ['of nothing', 'a=x-dimensions:0,1944', undefined],
  ['beyond what images can have', 'a=x-dimensions:65536,1944', undefined],
] as const)('x-dimensions are read %s', ([, line, expected]) => {
  expect(parseSdp(`m=video 0 RTP/AVP 26\n${line}`).medias[0]?.formats[0]?.pictureSize).toEqual(expected);
});

test.for([
  ['no rtpmap', 'm=audio 0 RTP/AVP 8', { encoding: 'PCMA', clockRate: 8000 }],
  ['nothing but payload type 9', 'm=audio 0 RTP/AVP 9', { encoding: 'G722', clockRate: 8000, channels: 1 }],
  ['nothing but payload type 10', 'm=audio 0 RTP/AVP 10', { encoding: 'L16', clockRate: 44_100, channels: 2 }],
  ['nothing but payload type 11', 'm=audio 0 RTP/AVP 11', { encoding: 'L16', clockRate: 44_100, channels: 1 }],
  ['nothing but payload type 14', 'm=audio 0 RTP/AVP 14', { encoding: 'MPA', clockRate: 90_000 }],
  ['nothing but payload type 33', 'm=video 0 RTP/AVP 33', { encoding: 'MP2T', clockRate: 90_000 }],
  ['another codec on payload type 10', 'm=audio 0 RTP/AVP 10\na=rtpmap:10 L24/48000', { encoding: 'L24', channels: 1 }],
  ['trailing blanks', 'm=video 0 RTP/AVP 96 \na=rtpmap:96 H264/90000 ', { encoding: 'H264', clockRate: 90_000 }],
  ['clock rate 0', 'm=video 0 RTP/AVP 96\na=rtpmap:96 H265/0', { encoding: 'H265', clockRate: 90_000 }],
  ['channels', 'm=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000/2', { encoding: 'OPUS', channels: 2 }],
  ['blanks about the slash', 'm=audio 0 RTP/AVP 97\na=rtpmap:97 PCMA / 16000', { encoding: 'PCMA', clockRate: 16_000 }],
  ['KLV, misspelt', 'm=application 0 RTP/AVP 99\na=rtpmap:99 smtpe336m', { encoding: 'SMTPE336M', clockRate: 90_000 }],
  ['an unknown media word', 'm=vidoe 0 RTP/AVP 96\na=rtpmap:96 H264/90000', { encoding: 'H264' }],
  ['a broken line c=', 'c=IN\nt=x\nm=audio 0 RTP/AVP 0', { encoding: 'PCMU' }],
] as const)('a format with %s', ([, text, expected]) => {
  expect(parseSdp(text).medias[0]?.formats[0]).toMatchObject(expected);
});

test('an fmtp with a payload type only has no parameters', () => {
  const sdp = parseSdp('m=video 0 RTP/AVP 99\na=rtpmap:99 H264/90000\na=fmtp:99');
  expect(sdp.medias[0]?.formats[0]?.fmtp.size).toBe(0);
});

test('the fmtp of H.264 in the audio section belongs to the video', () => {
  const sdp = parseSdp(
    'm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 8\na=fmtp:96 packetization-mode=1',
  );
  expect(sdp.medias[0]?.formats[0]?.fmtp.get('packetization-mode')).toBe('1');
});

test('two sections may give one payload type two meanings', () => {
  const sdp = parseSdp(
    'm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 96\na=rtpmap:96 MPEG4-GENERIC/16000',
  );
  expect(sdp.medias.map((media) => media.formats[0]?.encoding)).toEqual(['H264', 'MPEG4-GENERIC']);
});

test('a format with an unknown encoding is left out, the rest stays', () => {
  const sdp = parseSdp('m=audio 0 RTP/AVP 111 8 999 x');
  expect(sdp.medias[0]?.formats.map((format) => format.payloadType)).toEqual([8]);
});

test('a server that marks everything as sent by itself has no back channel', () => {
  const sdp = parseSdp('m=video 0 RTP/AVP 96\na=sendonly\nm=audio 0 RTP/AVP 0\na=sendonly');
  expect(sdp.medias.some((media) => media.isBackChannel)).toBe(false);
});

const ALL_FORMATS = `m=video 0 RTP/AVP${' 96'.repeat(64)}\r\n`.repeat(64);

test.for([
  [
    'blanks before a line separator that is none in SDP',
    `m=video 0 RTP/AVP 96\na=rtpmap:96${' '.repeat(600_000)}a\u2028b`,
  ],
  ['slashes in an rtpmap', `${ALL_FORMATS}a=rtpmap:96 H264/90000${'/'.repeat(600_000)}`],
] as const)('600 kB of %s take no time that grows with their square', { timeout: 30_000 }, ([, text]) => {
  expect(parseSdp(text).medias.length).toBeGreaterThan(0);
});

test('a repeated payload type is one format', () => {
  const { medias } = parseSdp(`${ALL_FORMATS}a=rtpmap:96 H264/90000`);
  expect(medias.map(({ formats }) => formats.length)).toEqual(new Array(64).fill(1));
});

test('the name of an encoding is cut to 40 characters', () => {
  const sdp = (name: string) => `m=video 0 RTP/AVP 96 8\na=rtpmap:96 ${name}/90000`;
  expect(parseSdp(sdp('X'.repeat(40))).medias[0]?.formats.map(({ payloadType }) => payloadType)).toEqual([96, 8]);
  expect(parseSdp(sdp('X'.repeat(41))).medias[0]?.formats.map(({ payloadType }) => payloadType)).toEqual([8]);
});

test.for([
  ['G722', 8_000],
  ['MPA', 90_000],
  ['MP2T', 90_000],
] as const)('%s without a clock rate has the only one that it can have', ([encoding, clockRate]) => {
  const sdp = parseSdp(`m=audio 0 RTP/AVP 97\na=rtpmap:97 ${encoding}`);
  expect(sdp.medias[0]?.formats).toMatchObject([{ encoding, clockRate }]);
});

test.for([
  ['nothing', ''],
  ['a page', '<html></html>'],
  ['too many lines', 'a=x\n'.repeat(2001)],
  ['too many medias', 'm=audio 0 RTP/AVP 0\n'.repeat(65)],
] as const)('%s is refused', ([, text]) => {
  expect(() => parseSdp(text)).toThrow(PerchError);
});

test('mutated descriptions give medias or a PerchError', () => {
  const next = random(5);
  let medias = 0;
  for (let i = 0; i < 5_000; i += 1) {
    let text = hikvision;
    for (let change = 0; change < 4; change += 1) {
      const at = Math.floor(next() * text.length);
      text = text.slice(0, at) + String.fromCharCode(next() * 256) + text.slice(at + Math.floor(next() * 40));
    }
    try {
      medias += parseSdp(text).medias.length;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(medias).toBeGreaterThan(5_000);
});
