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
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import { H264_PPS, H264_SPS, H264_UNITS } from '../../../test/support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../../test/support/media/units.ts';

const SPS = tinyH264.sps;
const PPS = tinyH264.pps[0] as Uint8Array;
const SEI = hex('06 0504aabbccdd 80');
const AUD = hex('09 10');
const START_CODE = Uint8Array.of(0, 0, 0, 1);
const [KEY = SPS, ...REST] = PICTURES;
/** The NAL unit of a sample that has only one. */
const nalOf = (data: Uint8Array) => data.subarray(4);
const concat = (...parts: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
const PACKETS = packetsOf();
const withSei = [sampleOf(SEI, nalOf(KEY)), ...REST];

type Part = Partial<Packet>;
/** These NAL units before the key picture's packets, which keep their markers. */
const ahead = (...parts: readonly Part[]): Packet[] => numbered([...parts, ...PACKETS]);
const part = (payload: Uint8Array, marker = false, ticks = 0): Part => ({ payload, marker, ticks });
/** All packets with this change. */
const each = (change: (packet: Packet, i: number) => Part): Packet[] =>
  numbered(PACKETS.map((packet, i) => ({ ...packet, ...change(packet, i) })));
const fragmented = (change: (payload: Uint8Array) => readonly Uint8Array[]): Packet[] =>
  numbered(
    PACKETS.flatMap((packet) => {
      const payloads = packet.payload[0] === 0x7c ? change(packet.payload) : [packet.payload];
      return payloads.map((payload, i) => ({ ...packet, payload, marker: packet.marker && i === payloads.length - 1 }));
    }),
  );
/** A STAP-A, RFC 6184 §5.7.1. */
const stapA = (...nals: readonly Uint8Array[]) =>
  concat(Uint8Array.of(0x78), ...nals.flatMap((nal) => [Uint8Array.of(nal.length >> 8, nal.length), nal]));
/** Follows the last picture, for cameras whose units end with the next one. */
const NEXT = { ...part(nalOf(skipPicture(4)), true, 4 * FRAME_TICKS) };
const andNext = (packets: readonly Packet[]) => numbered([...packets, NEXT]);

test.for<[quirk: string, packets: readonly Packet[], pictures: readonly Uint8Array[]]>([
  [
    'start codes inside single NAL units (V380)',
    numbered([part(concat(SPS, START_CODE, PPS, START_CODE, nalOf(KEY)), true), ...packetsOf(REST, 1)]),
    PICTURES,
  ],
  [
    'a start code before each NAL unit',
    each(({ payload }) => (payload[0] === 0x7c ? {} : { payload: concat(START_CODE, payload) })),
    PICTURES,
  ],
  [
    'SPS, PPS and key picture in one packet',
    numbered([part(stapA(SPS, PPS, nalOf(KEY)), true), ...packetsOf(REST, 1)]),
    PICTURES,
  ],
  ['the marker on SPS and PPS (Tapo TC70)', ahead(part(SPS, true), part(PPS, true)), PICTURES],
  ['the marker on the SPS only (Reolink Duo 2)', ahead(part(SPS, true), part(PPS)), PICTURES],
  ['the marker on SEI (Ivel)', ahead(part(SPS), part(PPS), part(SEI, true)), withSei],
  ['no marker ever (FLIR M400)', andNext(each(() => ({ marker: false }))), PICTURES],
  ['the marker on every packet', each(() => ({ marker: true })), PICTURES],
  [
    'a delimiter before each picture',
    numbered(PICTURES.flatMap((data, i) => [part(AUD, false, i * FRAME_TICKS), ...packetsOf([data], i)])),
    PICTURES,
  ],
  ['delimiters with a time of their own', ahead(part(AUD, true, -90)), PICTURES],
  ['parameter sets with a time of their own', ahead(part(SPS, true, -90), part(PPS, true, -60)), PICTURES],
  ['parameter sets in a STAP-A of their own', ahead(part(stapA(SPS, PPS), true)), PICTURES],
  ['zero bytes after the SPS', ahead(part(concat(SPS, hex('000000')))), PICTURES],
  ['bytes of its own after the SPS (Reolink)', ahead(part(concat(SPS, hex('ff 12 34 80'))), part(PPS)), PICTURES],
  [
    'empty fragments',
    fragmented((payload) =>
      [payload.subarray(0, 2), payload, Uint8Array.of(0x7c, 0x05)].slice(
        payload[1] === 0x85 ? 0 : 1,
        payload[1] === 0x45 ? 2 : 3,
      ),
    ),
    PICTURES,
  ],
  [
    'the reserved bit set in fragments',
    fragmented((payload) => [
      concat(payload.subarray(0, 1), Uint8Array.of((payload[1] as number) | 0x20), payload.subarray(2)),
    ]),
    PICTURES,
  ],
  [
    'another NAL unit type in later fragments (Tiandy)',
    fragmented((payload) => [
      payload[1] === 0x85
        ? payload
        : concat(payload.subarray(0, 1), Uint8Array.of(((payload[1] as number) & 0xe0) | 1), payload.subarray(2)),
    ]),
    PICTURES,
  ],
  ['fragments of a few bytes', packetsOf(PICTURES, 0, 40), PICTURES],
  [
    'filler and end marks',
    numbered(
      PICTURES.flatMap((data, i) => [
        part(hex('0c ffff80'), false, i * FRAME_TICKS),
        ...packetsOf([data], i),
        part(hex('0a'), false, i * FRAME_TICKS),
      ]),
    ),
    PICTURES,
  ],
  [
    'packets without payload',
    numbered(PACKETS.flatMap((packet) => [{ ...packet, marker: false, payload: new Uint8Array(0) }, packet])),
    PICTURES,
  ],
  [
    'packets of one byte',
    numbered(PACKETS.flatMap((packet) => [{ ...packet, marker: false, payload: hex('7c') }, packet])),
    PICTURES,
  ],
  [
    'packets of payload type 50 between (GeoVision)',
    numbered(PACKETS).flatMap((packet) => [{ ...packet, type: 50, payload: hex('0102030405') }, packet]),
    PICTURES,
  ],
  [
    'two pictures with one timestamp',
    each(({ ticks }) => ({ ticks: ticks === 2 * FRAME_TICKS ? FRAME_TICKS : ticks })),
    PICTURES,
  ],
  ['every packet twice', numbered(PACKETS).flatMap((packet) => [packet, packet]), PICTURES],
  ['a sequence that wraps', numbered(PACKETS, 65_534), PICTURES],
  ['times that wrap', each(({ ticks }) => ({ ticks: 2 ** 32 - 2 * FRAME_TICKS + ticks })), PICTURES],
])('video of a camera that sends %s', async ([, packets, pictures]) => {
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, pictures);
  expect(run.stream?.framesInError).toBe(0);
});

test('slices in separate packets form one picture', async () => {
  const second = hex('41 468800 22');
  const pictures = [KEY, ...REST.map((data) => concat(data, sampleOf(second)))];
  const packets = numbered([
    ...packetsOf([KEY]),
    ...REST.flatMap((data, i) => [
      part(nalOf(data), false, (i + 1) * FRAME_TICKS),
      part(second, true, (i + 1) * FRAME_TICKS),
    ]),
  ]);
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, pictures);
});

/** Three groups of pictures; `damage` is done to the packets of the second. */
function threeGroups(damage: (packets: Packet[]) => readonly Packet[]): Packet[] {
  const group = (i: number) => packetsOf(PICTURES, 4 * i).map((packet, at) => ({ ...packet, sequence: 100 * i + at }));
  const ends = [group(0).length, group(1).length];
  // One sequence through all three.
  const renumber = (packets: Packet[], first: number) => numbered(packets, first);
  return [
    ...renumber(group(0), 0),
    ...damage(renumber(group(1), ends[0] ?? 0)),
    ...renumber(group(2), (ends[0] ?? 0) + (ends[1] ?? 0)),
  ];
}

test.for<[quirk: string, damage: (packets: Packet[]) => readonly Packet[], shown: number]>([
  ['a fragment', (packets) => packets.filter((_, i) => i !== 2), 8],
  ['the first fragment', (packets) => packets.slice(1), 8],
  ['the last fragment and the marker', (packets) => packets.filter(({ payload }) => payload[1] !== 0x45), 8],
  ['a picture in the middle of the group', (packets) => packets.filter(({ ticks }) => ticks !== 5 * FRAME_TICKS), 9],
  ['the last picture of the group', (packets) => packets.filter(({ ticks }) => ticks !== 7 * FRAME_TICKS), 11],
  ['the whole group', () => [], 8],
])('after %s is lost, pictures are dropped up to the next key picture', async ([, damage, shown]) => {
  await using camera = await pictureCamera(undefined, { frames: framesOf(threeGroups(damage)) });
  await using run = new Run(url(camera));
  const whole = [...PICTURES, ...PICTURES.slice(0, shown - 8), ...PICTURES];
  await expectPictures(run, whole);
  expect(run.samples.filter(({ sample }) => sample.key).length).toBeGreaterThanOrEqual(2);
});

test('packets in the wrong order drop the rest of their group, and no damaged picture is shown', async () => {
  const swapped = threeGroups((packets) =>
    [packets[1], packets[0], ...packets.slice(2)].filter((p) => p !== undefined),
  );
  await using camera = await pictureCamera(undefined, { frames: framesOf(swapped) });
  await using run = new Run(url(camera));
  await expectPictures(run, [...PICTURES, ...PICTURES]);
});

test('pictures before the first key picture are dropped', async () => {
  const packets = numbered([...packetsOf(REST, -3), ...PACKETS]);
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run);
});

test('a new picture size is reported before its key picture', async () => {
  const larger = hex(H264_SPS);
  const [[, nal] = [0, '']] = H264_UNITS;
  const packets = numbered([
    ...PACKETS,
    part(larger, false, 4 * FRAME_TICKS),
    part(hex(H264_PPS), false, 4 * FRAME_TICKS),
    part(hex(nal), true, 4 * FRAME_TICKS),
  ]);
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, [...PICTURES, sampleOf(hex(nal))]);
  expect(run.stream?.tracks).toMatchObject([{ width: 64, height: 64, sps: larger }]);
  expect(run.changes).toEqual([{ track: 0, afterSamples: 4 }]);
});

test('repeated parameter sets change nothing', async () => {
  const packets = numbered(
    PICTURES.flatMap((data, i) => [
      part(SPS, false, i * FRAME_TICKS),
      part(PPS, false, i * FRAME_TICKS),
      ...packetsOf([data], i),
    ]),
  );
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(run.changes).toEqual([]);
});

test('two alternating SPS, one of them unused, change nothing', async () => {
  const other = concat(SPS.subarray(0, 3), Uint8Array.of(11), SPS.subarray(4));
  const packets = numbered([
    ...PACKETS,
    part(other, false, 4 * FRAME_TICKS),
    part(SPS, false, 4 * FRAME_TICKS),
    ...packetsOf(PICTURES, 4),
  ]);
  await using camera = await pictureCamera(undefined, { frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, [...PICTURES, ...PICTURES]);
  expect(run.changes).toEqual([]);
});

test('a wrong declared frame rate does not change the times', async () => {
  const sdp = PICTURE_SDP.replace('a=control:track1', 'a=framerate:60\r\na=control:track1');
  await using camera = await pictureCamera(undefined, { sdp });
  await using run = new Run(url(camera));
  await expectPictures(run);
  expect(stepsMs(run)).toEqual([40, 40, 40]);
});

test('pictures with B-frames keep their order and get decode times from their picture order counts', async () => {
  const sprop = [H264_SPS, H264_PPS].map((set) => Buffer.from(set, 'hex').toString('base64')).join(',');
  const sdp = PICTURE_SDP.replace(/sprop-parameter-sets=.*\r\n/, () => `sprop-parameter-sets=${sprop}\r\n`);
  const packets = numbered(H264_UNITS.map(([frame, nal]) => part(hex(nal), true, frame * FRAME_TICKS)));
  await using camera = await pictureCamera(undefined, { sdp, frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(
    run,
    H264_UNITS.map(([, nal]) => sampleOf(hex(nal))),
  );
  const shown = run.samples.map(({ sample }) => sample.pts - (run.samples[0]?.sample.pts ?? 0));
  expect(shown).toEqual(H264_UNITS.map(([frame]) => frame * FRAME_TICKS));
  expect(run.samples.every(({ sample }) => sample.dts <= sample.pts)).toBe(true);
});

test('pictures before their parameter sets are dropped when the SDP has none', async () => {
  const sdp = PICTURE_SDP.replace(/a=fmtp:.*\r\n/, '');
  const packets = [
    ...PACKETS,
    ...numbered([part(SPS, false, 4 * FRAME_TICKS), part(PPS, false, 4 * FRAME_TICKS)], PACKETS.length),
    ...packetsOf([idrPicture(90)], 4).map((packet, i) => ({ ...packet, sequence: PACKETS.length + 2 + i })),
  ];
  await using camera = await pictureCamera(undefined, { sdp, frames: framesOf(packets) });
  await using run = new Run(url(camera));
  await expectPictures(run, [idrPicture(90)]);
});
