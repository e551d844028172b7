import { expect, test } from 'vitest';
import { framesOf, numbered, type Packet, pictureCamera } from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { hex, toHex } from '../../../test/support/media/units.ts';

const sdpOf = (rtpmap: string, fmtp = '') =>
  `v=0\r\nm=audio 0 RTP/AVP 96\r\na=rtpmap:96 ${rtpmap}\r\n${fmtp && `a=fmtp:96 ${fmtp}\r\n`}a=control:track1\r\n`;
const AAC = 'streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=';
const FRAME = '2110042233445566';
/** AU-headers-length 16, one AU header: 13 bits of size, 3 of index. */
const au = (frame: string) => `0010 ${((hex(frame).length << 3) & 0xffff).toString(16).padStart(4, '0')} ${frame}`;
/** MPEG-4, no CRC, AAC-LC, 44,100 Hz, stereo, with its length in 13 bits. */
function adts(frame: string): string {
  const bytes = 7 + hex(frame).length;
  const length = [0x80 | (bytes >> 11), (bytes >> 3) & 0xff, ((bytes & 7) << 5) | 0x1f];
  return `fff150${length.map((byte) => byte.toString(16).padStart(2, '0')).join('')}fc${frame}`;
}

type Part = Partial<Packet>;
const part = (payload: string, ticks: number, marker = true): Part => ({ payload: hex(payload), ticks, marker });

async function play(
  sdp: string,
  parts: readonly Part[],
  count: number,
): Promise<{ frames: string[]; pts: number[]; run: Run }> {
  await using camera = await pictureCamera(undefined, { sdp, frames: framesOf(numbered(parts)) });
  await using run = new Run(url(camera));
  await run.sampled(count);
  return {
    frames: run.samples.map(({ sample }) => toHex(sample.data)),
    pts: run.samples.map(({ sample }) => sample.pts),
    run,
  };
}

const STEREO_44100 = sdpOf('MPEG4-GENERIC/44100/2', `${AAC}1210`);

test.for<[quirk: string, sdp: string]>([
  ['as it should be', STEREO_44100],
  ['with the codec in lower case', sdpOf('mpeg4-generic/44100/2', `${AAC}1210`)],
  ['without a config', sdpOf('MPEG4-GENERIC/44100/2', AAC.replace(';config=', ''))],
  ['with a config that is not hexadecimal', sdpOf('MPEG4-GENERIC/44100/2', `${AAC}0x1210`)],
  ['without an fmtp', sdpOf('MPEG4-GENERIC/44100/2')],
  ['with bytes after its config', sdpOf('MPEG4-GENERIC/44100/2', `${AAC}121056e500`)],
  ['without lengths of the headers', sdpOf('MPEG4-GENERIC/44100/2', 'mode=AAC-hbr;config=1210')],
  ['with quotes around values', sdpOf('MPEG4-GENERIC/44100/2', `${AAC}"1210"`)],
])('AAC is described %s', async ([, sdp]) => {
  const { frames, run } = await play(sdp, [part(au(FRAME), 0), part(au(FRAME), 1024)], 2);
  expect(frames).toEqual([FRAME, FRAME]);
  expect(run.tracks).toMatchObject([{ codec: 'aac', clockRate: 44_100, channels: 2 }]);
});

test.for<[quirk: string, parts: readonly Part[], frames: readonly string[]]>([
  ['frames wrapped in ADTS after AU headers', [part(au(adts(FRAME)), 0), part(au(adts(FRAME)), 1024)], [FRAME, FRAME]],
  ['frames wrapped in ADTS without AU headers', [part(adts(FRAME), 0), part(adts(FRAME), 1024)], [FRAME, FRAME]],
  [
    'several ADTS frames in one packet',
    [part(adts(FRAME) + adts('21aa'), 0), part(adts(FRAME), 2048)],
    [FRAME, '21aa', FRAME],
  ],
  [
    'two frames in one packet',
    [part(`0020 0040 0010 ${FRAME} 21aa`, 0), part(au(FRAME), 2048)],
    [FRAME, '21aa', FRAME],
  ],
  [
    'a frame in fragments',
    [part('0010 0040 21100422', 0, false), part('0010 0040 33445566', 0), part(au(FRAME), 1024)],
    [FRAME, FRAME],
  ],
  [
    'a frame in fragments without markers',
    [part('0010 0040 21100422', 0, false), part('0010 0040 33445566', 0, false), part(au(FRAME), 1024)],
    [FRAME, FRAME],
  ],
  ['no markers', [part(au(FRAME), 0, false), part(au(FRAME), 1024, false)], [FRAME, FRAME]],
  [
    'empty packets between',
    [part(au(FRAME), 0), part('', 1024), part('00', 1024), part(au(FRAME), 1024)],
    [FRAME, FRAME],
  ],
  [
    'a header that cannot be read between',
    [part(au(FRAME), 0), part('ff00 0000', 1024), part(au(FRAME), 2048)],
    [FRAME, FRAME],
  ],
  [
    'a frame that is longer than its packet, and no rest of it',
    [part(au(FRAME), 0), part('0010 0fff 21', 1024), part(au(FRAME), 2048)],
    [FRAME, FRAME],
  ],
])('AAC of a camera that sends %s', async ([, parts, frames]) => {
  const seen = await play(STEREO_44100, parts, frames.length);
  expect(seen.frames).toEqual(frames);
  expect(seen.pts.every((pts, i) => pts > (seen.pts[i - 1] ?? -1))).toBe(true);
});

test('AAC of 44,100 Hz with rounded timestamps of a 90,000 Hz clock keeps its rate', async () => {
  const sdp = sdpOf('MPEG4-GENERIC/90000/2', `${AAC}1210`);
  const count = 200;
  const parts = Array.from({ length: count }, (_, i) => part(au(FRAME), Math.round((i * 1024 * 90_000) / 44_100)));
  const { pts, run } = await play(sdp, parts, count);
  expect(run.tracks).toMatchObject([{ codec: 'aac', clockRate: 44_100 }]);
  expect(Math.abs((pts.at(-1) ?? 0) - (count - 1) * 1024)).toBeLessThanOrEqual(1);
  const steps = pts.slice(1).map((value, i) => value - (pts[i] ?? 0));
  expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(2);
});

test.for<[quirk: string, rtpmap: string, fmtp: string, codec: object]>([
  [
    'another rate in its rtpmap than in its config',
    'MPEG4-GENERIC/8000/1',
    `${AAC}1408`,
    { codec: 'aac', clockRate: 16_000, channels: 1 },
  ],
  ['no number of channels', 'MPEG4-GENERIC/16000', `${AAC}1408`, { codec: 'aac', clockRate: 16_000, channels: 1 }],
  ['G.711 with a clock rate of 0', 'PCMA/0', '', { codec: 'g711', law: 'a', clockRate: 8000 }],
  ['G.711 at 16 kHz', 'PCMU/16000', '', { codec: 'g711', law: 'mu', clockRate: 16_000 }],
  ['G.711 in lower case', 'pcma/8000/1', '', { codec: 'g711', law: 'a', clockRate: 8000 }],
])('audio with %s is received', async ([, rtpmap, fmtp, codec]) => {
  const payload = fmtp === '' ? 'd5'.repeat(160) : au(FRAME);
  const { run } = await play(sdpOf(rtpmap, fmtp), [part(payload, 0), part(payload, 1024)], 2);
  expect(run.tracks).toMatchObject([codec]);
});

test.for<[quirk: string, sizes: readonly number[]]>([
  ['odd sizes', [1, 159, 161, 7]],
  ['40 ms and 20 ms in turns', [320, 160, 320]],
  ['a whole second at once', [8000]],
])('G.711 in packets of %s is complete and continuous', async ([, sizes]) => {
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  const parts = sizes.map((size, i) => part('d5'.repeat(size), starts[i] ?? 0));
  const { frames, pts } = await play(
    sdpOf('PCMA/8000'),
    parts,
    Math.max(sizes.length, Math.ceil((sizes[0] ?? 0) / 1024)),
  );
  expect(frames.join('')).toBe('d5'.repeat(sizes.reduce((sum, size) => sum + size, 0)));
  const lengths = frames.map((frame) => frame.length / 2);
  expect(pts).toEqual(lengths.map((_, i) => lengths.slice(0, i).reduce((sum, size) => sum + size, 0)));
});

test.for<[quirk: string, sdp: string, offers: string]>([
  [
    'a config of a codec that is not AAC',
    sdpOf('MPEG4-GENERIC/44100/2', `${AAC}ffff`),
    'MPEG4-GENERIC (no AAC by its configuration, config=ffff)',
  ],
  [
    'interleaved headers of unknown length',
    sdpOf('MPEG4-GENERIC/44100/2', `${AAC}1210;constantsize=40`),
    'MPEG4-GENERIC (AU headers that are not those of AAC-hbr or AAC-lbr)',
  ],
  ['an unknown codec', sdpOf('SPEEX/16000'), 'SPEEX'],
])('a camera whose only track is audio with %s is rejected', async ([, sdp, offers]) => {
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(`camera of path 'garden' offers ${offers}, none of which is supported`);
});
