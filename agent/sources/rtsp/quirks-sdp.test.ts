import { expect, test } from 'vitest';
import {
  base64,
  expectPictures,
  framesOf,
  PICTURE_SDP,
  packetsOf,
  pictureCamera,
  SPROP,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { tinyH264 } from '../../../test/support/media/tiny-h264.ts';

const FMTP = /a=fmtp:.*\r\n/;
const SETS = framesOf(
  [tinyH264.sps, ...tinyH264.pps].map((payload, i) => ({
    payload,
    sequence: 65_534 + i,
    ticks: 0,
    marker: false,
    type: 96,
    ssrc: 1,
  })),
);
const IN_BAND = [...SETS, ...framesOf(packetsOf())];
const change = (from: string | RegExp, to: string) => PICTURE_SDP.replace(from, () => to);
const withFmtp = (value: string) => change(FMTP, `a=fmtp:96 ${value}\r\n`);

test.for<[quirk: string, sdp: string]>([
  ['no o= line', change(/o=.*\r\n/, '')],
  ['several s= lines', change(/s=.*\r\n/, 's=one\r\ns=\r\ns=two\r\n')],
  ['no s= and no t= line', change(/s=.*\r\nt=.*\r\n/, '')],
  ['an empty c= line', change('t=0 0', 'c=\r\nt=0 0')],
  ['a broken c= line', change('t=0 0', 'c=IN IP4\r\nc=IN IP6 nowhere/x/y\r\nt=0 0')],
  ['broken t= and r= lines', change('t=0 0', 't=now\r\nr=7d 1h\r\nr=\r\nt=')],
  [
    'a media whose type is an unknown word (TP-Link TL-IPC44GW)',
    `${PICTURE_SDP}m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\na=control:track3\r\n`,
  ],
  ['blanks behind the clock rate', change('H264/90000', 'H264/90000   ')],
  [
    'an fmtp that ends after the payload type (Ubiquiti)',
    `${PICTURE_SDP}m=audio 0 RTP/AVP 99\r\na=rtpmap:99 vorbis/48000\r\na=fmtp:99 \r\na=fmtp:99\r\n`,
  ],
  [
    'the fmtp of its picture in another media',
    change(FMTP, '') +
      `m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n${FMTP.exec(PICTURE_SDP)?.[0]}`,
  ],
  ['a clock rate of 0', change('H264/90000', 'H264/0')],
  ['no clock rate', change('H264/90000', 'H264')],
  ['no line end after its last line', PICTURE_SDP.trimEnd()],
  ['carriage returns alone', PICTURE_SDP.replaceAll('\r\n', '\r')],
  ['blanks before its lines', PICTURE_SDP.replaceAll('\r\n', '\r\n ')],
  ['an MP2T/ media next to its video', `${PICTURE_SDP}m=video 0 MP2T/RTP/UDP 33\r\na=control:ts\r\na=inactive\r\n`],
  ['media lines that cannot be read', `${PICTURE_SDP}m=\r\nm=video\r\nm=audio 0 RTP/AVP x y 999\r\n`],
  ['lines of no known kind', change('a=control:*', 'q=1\r\nnonsense\r\na=\r\na=control:*')],
  ['a byte order mark', `\ufeff${PICTURE_SDP}`],
  ['a codec in lower case', change('H264/90000', 'h264/90000')],
  ['two blanks and a number of channels in its rtpmap', change('a=rtpmap:96 H264/90000', 'a=rtpmap:96  H264/90000/1')],
  ['a wrong profile-level-id', change('42C00A', 'zz')],
  ['another profile than it sends', change('42C00A', '640028')],
  ['no packetization mode', withFmtp(`sprop-parameter-sets=${SPROP}`)],
  [
    'fmtp values without blanks, with a semicolon at the end',
    withFmtp(`packetization-mode=1;sprop-parameter-sets=${SPROP};`),
  ],
  [
    'parameter sets after start codes (Annex B)',
    withFmtp(
      `sprop-parameter-sets=${[tinyH264.sps, ...tinyH264.pps].map((set) => base64(Uint8Array.of(0, 0, 0, 1, ...set))).join(',')}`,
    ),
  ],
  ['parameter sets in quotes', withFmtp(`packetization-mode=1;sprop-parameter-sets="${SPROP}"`)],
])('video of a camera whose SDP has %s', async ([, sdp]) => {
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test.for<[quirk: string, fmtp: string]>([
  ['no parameter sets', 'packetization-mode=1'],
  ['empty parameter sets', 'sprop-parameter-sets='],
  ['parameter sets that are not base64', 'sprop-parameter-sets=!!!,$$$'],
  ['parameter sets that cannot be read', 'sprop-parameter-sets=Z0I=,aM4='],
  ['an SPS without PPS', `sprop-parameter-sets=${base64(tinyH264.sps)}`],
  ['nonsense for an fmtp', '=;=;;x'],
])('with %s in the SDP the parameter sets of the stream are used', async ([, fmtp]) => {
  await using camera = await pictureCamera(undefined, { sdp: withFmtp(fmtp), frames: IN_BAND });
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(run.tracks).toMatchObject([{ codec: 'h264', width: tinyH264.width, height: tinyH264.height }]);
});

test('without an fmtp line the parameter sets of the stream are used', async () => {
  await using camera = await pictureCamera(undefined, { sdp: change(FMTP, ''), frames: IN_BAND });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

const OTHERS = `m=audio 0 RTP/AVP 0\r\na=control:talk\r\na=sendonly\r\nm=application 0 RTP/AVP 107\r
a=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:meta\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 SPEEX/8000\r
a=control:speex\r\nm=text 0 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\na=control:text\r\n`;

test('back channels and text are not set up; metadata and unknown codecs are, for RTSP readers', async () => {
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + OTHERS });
  await using run = new Run(url(camera));
  await expectPictures(run);
  const setups = lastCaller(camera).requests.filter(({ method }) => method === 'SETUP');
  expect(setups.map(({ uri }) => uri.split('/').at(-1))).toEqual(['track1', 'meta', 'speex']);
  expect(run.tracks.map(({ codec }) => codec)).toEqual(['h264', 'generic', 'generic']);
});

test('video that is marked as a back channel by mistake is received', async () => {
  const sdp = PICTURE_SDP.replace('a=control:track1', 'a=sendonly\r\na=control:track1');
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test('audio and video that are all marked sendonly are received', async () => {
  const sound = 'm=audio 0 RTP/AVP 0\r\na=sendonly\r\na=control:track2\r\n';
  const sdp = PICTURE_SDP.replace('a=control:track1', 'a=sendonly\r\na=control:track1') + sound;
  const frames = [...framesOf(packetsOf()), ...soundPackets(0, 4, 2)];
  await using camera = await pictureCamera(undefined, { sdp, frames });
  await using run = new Run(url(camera));
  await run.sampled(8);
  expect(run.tracks).toMatchObject([{ codec: 'h264' }, { codec: 'g711' }]);
  const setups = lastCaller(camera).requests.filter(({ method }) => method === 'SETUP');
  expect(setups.map(({ uri }) => uri.split('/').at(-1))).toEqual(['track1', 'track2']);
});

test('the first supported format of a media line is used', async () => {
  const sdp = PICTURE_SDP.replace('RTP/AVP 96', 'RTP/AVP 95 96').replace(
    'a=rtpmap',
    'a=rtpmap:95 NEW/90000\r\na=rtpmap',
  );
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test.for<[quirk: string, sdp: string, reason: string]>([
  [
    'no media',
    'v=0\r\ns=camera\r\n',
    "camera of path 'garden' sends an invalid reply to DESCRIBE: SDP without any media",
  ],
  [
    'only unsupported media',
    `v=0\r\n${OTHERS}`,
    "camera of path 'garden' offers PCMU, VND.ONVIF.METADATA, SPEEX, T140, none of which is supported",
  ],
  [
    'a media line without formats',
    'v=0\r\nm=video\r\n',
    "camera of path 'garden' offers nothing, none of which is supported",
  ],
  [
    'interleaved H.264',
    change(/packetization-mode=1/, 'packetization-mode=2'),
    "camera of path 'garden' offers H264 (NAL units out of order, packetization-mode=2), none of which is supported",
  ],
  [
    'medias without end',
    `v=0\r\n${'m=video 0 RTP/AVP 96\r\n'.repeat(65)}`,
    "camera of path 'garden' sends an invalid reply to DESCRIBE: SDP with more than 64 media sections",
  ],
])('a camera whose SDP has %s is rejected', async ([, sdp, reason]) => {
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(reason);
});

test('the first eight of more tracks are set up', async () => {
  const track = (i: number) => `m=audio 0 RTP/AVP 0\r\na=control:sound${i}\r\n`;
  const sdp = PICTURE_SDP + Array.from({ length: 12 }, (_, i) => track(i)).join('');
  await using camera = await pictureCamera(undefined, { sdp });
  await using _run = new Run(url(camera));
  await camera.until(() => camera.callers[0]?.methods.includes('PLAY') ?? false);
  expect(lastCaller(camera).methods.filter((method) => method === 'SETUP')).toHaveLength(8);
});
