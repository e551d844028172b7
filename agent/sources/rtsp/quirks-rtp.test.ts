import { expect, test } from 'vitest';
import {
  expectPictures,
  FRAME_TICKS,
  framesOf,
  numbered,
  type Packet,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
  pictureCamera,
  stepsMs,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { hex } from '../../../test/support/media/units.ts';
import { writeSenderReport } from '../../media/rtcp/write.ts';

const PACKETS = packetsOf();
const TWICE = [...PICTURES, ...PICTURES];
/** Two groups of pictures, the packets of the second with this change. */
const thenChanged = (change: (packet: Packet, i: number) => Partial<Packet>): Packet[] => {
  const all = numbered([...PACKETS, ...packetsOf(PICTURES, 4)]);
  return all.map((packet, i) => (i < PACKETS.length ? packet : { ...packet, ...change(packet, i) }));
};
const HOUR_TICKS = 3600 * 90_000;

test.for<[quirk: string, packets: readonly Packet[]]>([
  [
    'another SSRC and sequence in the middle',
    thenChanged(({ sequence }) => ({ ssrc: 9, sequence: sequence + 30_000 })),
  ],
  ['another SSRC with the numbers going on', thenChanged(() => ({ ssrc: 9 }))],
  ['another SSRC in every packet', thenChanged((_, i) => ({ ssrc: i }))],
  [
    'another SSRC, sequence and time in the middle',
    thenChanged(({ sequence, ticks }) => ({ ssrc: 9, sequence: sequence + 30_000, ticks: ticks + 2 ** 31 })),
  ],
])('pictures of a camera that sends %s are complete and continuous', async ([, packets]) => {
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, TWICE);
  expect(Math.max(...stepsMs(run))).toBeLessThan(1000);
  expect(Math.min(...stepsMs(run))).toBeGreaterThan(0);
});

test('a sequence that restarts with the same SSRC loses nothing', async () => {
  const packets = thenChanged(({ sequence }) => ({ sequence: (sequence + 30_000) & 0xffff }));
  const third = packetsOf(PICTURES, 8).map((packet, i) => ({
    ...packet,
    sequence: ((packets.at(-1)?.sequence ?? 0) + 1 + i) & 0xffff,
  }));
  await using camera = await pictureCamera(undefined, { frames: framesOf([...packets, ...third]) });
  await using run = new Run(url(camera));
  await expectPictures(run, [...TWICE, ...PICTURES]);
});

test.for<[quirk: string, packets: readonly Packet[]]>([
  ['jump ahead by two hours and stay', thenChanged(({ ticks }) => ({ ticks: ticks + 2 * HOUR_TICKS }))],
  ['jump back by two hours and stay', thenChanged(({ ticks }) => ({ ticks: ticks - 2 * HOUR_TICKS }))],
  [
    'are hours off for a single picture',
    thenChanged(({ ticks }) => ({ ticks: ticks === 5 * FRAME_TICKS ? ticks + 5 * HOUR_TICKS : ticks })),
  ],
  [
    'are hours early for a single picture',
    thenChanged(({ ticks }) => ({ ticks: ticks === 5 * FRAME_TICKS ? ticks - 5 * HOUR_TICKS : ticks })),
  ],
  ['start again at 0', thenChanged(({ ticks }) => ({ ticks: ticks - 4 * FRAME_TICKS }))],
  [
    'stop for two pictures',
    thenChanged(({ ticks }) => ({ ticks: ticks === 6 * FRAME_TICKS ? 5 * FRAME_TICKS : ticks })),
  ],
])('times of a camera that %s neither run backwards nor drift', async ([, packets]) => {
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, TWICE);
  expect(Math.min(...stepsMs(run))).toBeGreaterThan(0);
  expect(Math.max(...stepsMs(run))).toBeLessThan(1000);
  const walls = run.samples.map(({ sample }) => sample.wall);
  expect(Math.max(...walls) - Math.min(...walls)).toBeLessThan(2000);
});

/** The frame with something else in its RTP packet: `flags` for the first byte, `head` after the header, `tail` at the end. */
function remade(frame: Uint8Array, flags: number, head: Uint8Array, tail: Uint8Array): Uint8Array {
  const rtp = Buffer.concat([frame.subarray(4, 16), head, frame.subarray(16), tail]);
  rtp[0] = flags;
  return Buffer.concat([Uint8Array.of(0x24, frame[1] ?? 0, rtp.length >> 8, rtp.length), rtp]);
}

const NONE = new Uint8Array(0);
test.for<[what: string, flags: number, head: Uint8Array, tail: Uint8Array]>([
  ['padding', 0xa0, NONE, hex('00000004')],
  ['padding of one byte', 0xa0, NONE, hex('01')],
  ['a header extension of one word', 0x90, hex('bede0001 10aa0000'), NONE],
  ['an empty header extension', 0x90, hex('abac0000'), NONE],
  ['the ONVIF replay extension', 0x90, hex('abac0003 e0000000 00000000 80000000'), NONE],
  ['contributing sources', 0x82, hex('00000007 00000008'), NONE],
  ['all of these', 0xb1, hex('00000007 bede0001 10aa0000'), hex('0002')],
])('%s around RTP payloads is removed', async ([, flags, head, tail]) => {
  const frames = framesOf(PACKETS).map((frame) => remade(frame, flags, head, tail));
  await using camera = await pictureCamera(undefined, { frames });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

const frameOf = (channel: number, payload: Uint8Array) =>
  Buffer.concat([Uint8Array.of(0x24, channel, payload.length >> 8, payload.length), payload]);

test.for<[quirk: string, rtcp: Uint8Array]>([
  ['sender reports of an unknown SSRC (Tapo, Hanwha)', senderReport(0xdead_beef)],
  ['reports with a clock of 1970', hex('80c80006 00000001 83aa7e80 00000000 00000000 00000001 00000001')],
  ['reports that are cut', hex('80c80006 00000001')],
  ['RTCP of unknown types', hex('80cf0001 00000000')],
  ['what is no RTCP', hex('00')],
])('video of a camera that sends %s', async ([, rtcp]) => {
  const frames = [frameOf(1, rtcp), ...framesOf(PACKETS).flatMap((frame) => [frame, frameOf(1, rtcp)])];
  await using camera = await pictureCamera(undefined, { frames });
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(stepsMs(run)).toEqual([40, 40, 40]);
});

function senderReport(ssrc: number): Uint8Array {
  return writeSenderReport({ ssrc, unixMs: 0, ticks: 123_456, packets: 1, payloadBytes: 1 }, 'camera');
}

test.for<[quirk: string, junk: Uint8Array]>([
  ['packets of another version of RTP', hex('40600001 00000000 00000001 aabb')],
  ['packets shorter than their header', hex('806000')],
  ['packets whose extension is longer than they are', hex('90600001 00000000 00000001 bede00ff aabb')],
  ['packets with more padding than payload', hex('a0600001 00000000 00000001 aaff')],
])('video of a camera that mixes in %s', async ([, junk]) => {
  const frames = framesOf(PACKETS).flatMap((frame) => [frame, frameOf(0, junk)]);
  await using camera = await pictureCamera(undefined, { frames });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test('a camera that assigns two tracks the same channels uses the requested ones', async () => {
  const sdp = `${PICTURE_SDP}m=audio 0 RTP/AVP 0\r\na=control:track2\r\n`;
  const frames = [...framesOf(PACKETS), ...soundPackets(0, 2, 2)];
  await using camera = await pictureCamera(
    (request, caller) => {
      if (request.method !== 'SETUP') {
        return undefined;
      }
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'],
      ]);
      return true;
    },
    { sdp, frames },
  );
  await using run = new Run(url(camera));
  await run.sampled(6);
  expect(run.tracks).toMatchObject([{ codec: 'h264' }, { codec: 'g711' }]);
  expect(lastCaller(camera).methods).toContain('PLAY');
});

test('pictures captured long before PLAY are delivered first without delay', async () => {
  // The camera's first frame waited in its encoder for a minute.
  const packets = numbered([...PACKETS, ...packetsOf(PICTURES, 1500)]);
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, TWICE);
  expect(Math.max(...stepsMs(run))).toBeLessThan(1000);
});
