import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  expectPictures,
  framesOf,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';

const audio = (line: string, ...maps: string[]) =>
  `${PICTURE_SDP}m=audio 0 RTP/AVP ${line}\r\n${maps.map((map) => `a=rtpmap:${map}\r\n`).join('')}a=control:track2\r\n`;
const AAC =
  '97 MPEG4-GENERIC/16000\r\na=fmtp:97 mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3';
/** Twenty packets of 160 bytes on the audio channel. */
const sound = (type: number, ticks = 160) =>
  framesOf(
    Array.from({ length: 20 }, (_, i) => {
      const payload = new Uint8Array(160).fill(0xd5);
      return { payload, sequence: 300 + i, ticks: i * ticks, marker: i === 0, type, ssrc: 7 };
    }),
    2,
  );

test.for<[what: string, sdp: string, type: number, track: object]>([
  ['the second format of its list', audio('97 8 0', AAC), 8, { codec: 'g711', law: 'a', clockRate: 8_000 }],
  ['the third', audio('97 8 0', AAC), 0, { codec: 'g711', law: 'mu', clockRate: 8_000 }],
  ['a listed dynamic type', audio('97 101', AAC, '101 L16/16000'), 101, { codec: 'lpcm', clockRate: 16_000 }],
  ['PCMA instead of AAC', audio('97', AAC), 8, { codec: 'g711', law: 'a' }],
  ['PCMU instead of PCMA', audio('8'), 0, { codec: 'g711', law: 'mu' }],
])('audio of a camera that sends %s', async ([, sdp, type, track]) => {
  const frames = [...framesOf(packetsOf()), ...sound(type), ...framesOf(packetsOf(PICTURES, 4))];
  await using camera = await pictureCamera(undefined, { sdp, frames });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  await run.sampled(28);
  expect(run.tracks).toMatchObject([{ codec: 'h264' }, track]);
});

test('video of a camera that sends the second format of its list', async () => {
  const sdp = PICTURE_SDP.replace('AVP 96', 'AVP 98 96').replace(
    'a=rtpmap:96',
    'a=rtpmap:98 H265/90000\r\na=rtpmap:96',
  );
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  await expectPictures(run);
});

test('a track whose packets have an unknown type is left out with the reason', async () => {
  const clock = new FakeClock();
  const frames = [...framesOf(packetsOf()), ...sound(111), ...framesOf(packetsOf(PICTURES, 4))];
  await using camera = await pictureCamera(undefined, { sdp: audio('97', AAC), frames });
  await using run = new Run(url(camera), { rtspTransport: 'tcp', readTimeoutMs: 60_000 }, clock);
  await expect.poll(() => run.source.statistics.badPackets).toBe(20);
  await clock.advance(6_000);
  await run.sampled(8);
  expect(run.tracks).toMatchObject([{ codec: 'h264' }]);
  const reason = 'packets of payload type 111, which its description does not have';
  expect(run.stream?.leftOut).toBe(`MPEG4-GENERIC: ${reason}`);
});

test('a camera whose only track has an unknown type is refused with the reason', async () => {
  const clock = new FakeClock();
  const frames = framesOf(packetsOf().map((packet) => ({ ...packet, type: 111 })));
  await using camera = await pictureCamera(undefined, { frames });
  await using run = new Run(url(camera), { rtspTransport: 'tcp', readTimeoutMs: 10_000 }, clock);
  await expect.poll(() => run.source.statistics.badPackets).toBeGreaterThan(3);
  await clock.advance(11_000);
  expect(await run.failure()).toMatch(/has sent no media for 10 s, only packets of payload type 111, which/);
});
