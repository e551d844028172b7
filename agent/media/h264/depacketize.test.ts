import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { H264_PPS, H264_SPS, H264_UNITS } from '../../../test/support/media/tiny-streams.ts';
import { Collector, hex, pushHex, rtpFormat, sampleOf, send, toHex } from '../../../test/support/media/units.ts';
import type { SenderTraits } from '../payload/depacketizer.ts';
import { H264Depacketizer } from './depacketize.ts';
import { packetizeH264 } from './packetize.ts';

const SPS = '6742c016d900a02ff970110000030001000003001e0f162e48';
const PPS = '68cb83cb20';
const SPS_1080 = '67640028acd940780227e5c044000003000400000300c83c60c658';
const PPS_1080 = '68ebe3cb22c0';
/** First slices of an IDR and of a P picture, and the second slices of such. */
const IDR = '65 888400 11';
const IDR_2 = '65 422100 12';
const P = '41 9a3800 21';
const P_2 = '41 468800 22';
const SEI = '06 0504aabbccdd 80';
const AUD = '09 10';

const base64 = (text: string) => Buffer.from(hex(text)).toString('base64');
const SPROP = { 'sprop-parameter-sets': `${base64(SPS)},${base64(PPS)}` };
const sample = (...nals: string[]) => toHex(sampleOf(...nals.map(hex)));

function setUp(fmtp: Record<string, string> = SPROP, traits: SenderTraits = {}) {
  const seen = new Collector();
  const depacketizer = new H264Depacketizer(rtpFormat('H264', 90_000, 0, fmtp), seen, traits);
  return { seen, depacketizer, data: () => seen.units.map((unit) => toHex(unit.data)) };
}

test('the SDP alone makes the track known', () => {
  const { seen } = setUp();
  expect(seen.tracks).toMatchObject([{ codec: 'h264', width: 640, height: 360, fps: 15 }]);
});

test.for([
  ['nonsense', { 'sprop-parameter-sets': 'AAAA,!!!' }],
  ['an SPS that cannot be read', { 'sprop-parameter-sets': `Z0I=,${base64(PPS)}` }],
  ['an SPS without PPS', { 'sprop-parameter-sets': base64(SPS) }],
  ['nothing', {}],
] as const)('with %s in the SDP the sets in band are awaited', ([, fmtp]) => {
  const { seen, depacketizer, data } = setUp(fmtp);
  expect(seen.tracks).toEqual([]);
  pushHex(depacketizer, SPS, 0);
  pushHex(depacketizer, PPS, 0);
  pushHex(depacketizer, IDR, 0, true);
  expect(seen.tracks).toMatchObject([{ width: 640, height: 360 }]);
  expect(data()).toEqual([sample(IDR)]);
});

test('a unit is delivered at its marker, without delimiter and parameter sets, with SEI', () => {
  const { seen, depacketizer, data } = setUp();
  for (const nal of [AUD, SPS, PPS, SEI]) {
    pushHex(depacketizer, nal, 9000);
  }
  pushHex(depacketizer, IDR, 9000);
  pushHex(depacketizer, IDR_2, 9000, true);
  expect(data()).toEqual([sample(SEI, IDR, IDR_2)]);
  expect(seen.units).toMatchObject([{ pts: 9000, dts: 9000, key: true }]);
  pushHex(depacketizer, P, 12_600, true);
  expect(seen.units[1]).toMatchObject({ pts: 12_600, dts: 12_600, key: false });
});

test('identical sets in band do not change the track', () => {
  const { seen, depacketizer } = setUp();
  for (const nal of [SPS, PPS, IDR]) {
    pushHex(depacketizer, nal, 0);
  }
  pushHex(depacketizer, P, 3600);
  expect(seen.tracks).toHaveLength(1);
});

test('new sets change the track before the key unit that uses them, and not earlier', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, SPS_1080, 3600);
  pushHex(depacketizer, PPS_1080, 3600);
  pushHex(depacketizer, P, 3600, true);
  expect(seen.tracks).toHaveLength(1);
  pushHex(depacketizer, IDR, 7200, true);
  expect(seen.tracks[1]).toMatchObject({ width: 1920, height: 1080 });
  expect(seen.units).toHaveLength(3);
});

test('units before the first key unit are left out without complaint', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, P, 0, true);
  pushHex(depacketizer, P_2, 3600, true);
  pushHex(depacketizer, IDR, 7200, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([7200]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['STAP-A', `78 0019 ${SPS} 0005 ${PPS} 0005 ${IDR}`, [IDR]],
  ['start codes in one payload (V380)', `${SPS} 00000001 ${PPS} 000001 ${IDR}`, [IDR]],
  ['a payload that begins with a start code', `00000001 ${AUD} 00000001 ${SEI} 00000001 ${IDR}`, [SEI, IDR]],
  ['zero bytes after the parameter sets', `78 001b ${SPS} 0000 0005 ${PPS} 0005 ${IDR}`, [IDR]],
] as const)('%s holds a whole key unit', ([, payload, nals]) => {
  const { seen, depacketizer, data } = setUp();
  pushHex(depacketizer, payload, 0, true);
  expect(data()).toEqual([sample(...nals)]);
  expect(seen.tracks).toHaveLength(1);
});

test('FU-A: the fragments become one NAL unit', () => {
  const { depacketizer, data } = setUp();
  pushHex(depacketizer, '7c 85 8884 00', 0);
  pushHex(depacketizer, '7c 05 1122', 0);
  pushHex(depacketizer, '7c 45 33', 0, true);
  expect(data()).toEqual([sample('65 888400 1122 33')]);
});

test.for([
  ['empty fragments', ['7c 85', '7c 05 888400', '7c 05', '7c 45 11', '7c 45']],
  ['the reserved bit set', ['7c a5 8884', '7c 25 00', '7c 65 11']],
  ['another type in later fragments (Tiandy)', ['7c 85 8884', '7c 01 00', '7c 41 11']],
  ['first and last fragment in one', ['7c c5 88840011']],
  ['byte stream in fragments', [`7c 87 ${SPS.slice(2)} 000001 68cb`, '7c 07 83cb20 000001 65', '7c 47 888400 11']],
  [
    'a start code instead of the header, and one at the end (Amatek AR-N3222F)',
    [`1c 80 0001 ${SPS} 0000`, `1c 00 0001 ${PPS} 0000 01`, '1c 40 65 888400 11 00000001'],
  ],
  [
    'a first set whose sender ends with a start code',
    [`7c 87 ${SPS.slice(2)} 00000001`, `7c 47 ${PPS} 000001 ${IDR} 000001`],
  ],
] as const)('FU-A with %s', ([, payloads]) => {
  const { seen, depacketizer, data } = setUp();
  for (const payload of payloads) {
    pushHex(depacketizer, payload, 0);
  }
  pushHex(depacketizer, P, 3600);
  expect(data()).toEqual([sample(IDR)]);
  expect(seen.damage).toEqual([]);
});

test.for<[string, (nal: string) => boolean]>([
  ['on parameter sets (Tapo TC70)', (nal: string) => nal === SPS || nal === PPS || nal === P],
  ['on the SPS only (Reolink Duo 2)', (nal: string) => nal === SPS],
  ['on SEI (Ivel)', (nal: string) => nal === SEI],
  ['never (FLIR M400)', () => false],
  ['everywhere', () => true],
])('markers %s', ([, isMarked]) => {
  const { seen, depacketizer, data } = setUp();
  for (const nal of [SPS, PPS, SEI, IDR]) {
    pushHex(depacketizer, nal, 0, isMarked(nal));
  }
  pushHex(depacketizer, P, 3600, isMarked(P));
  pushHex(depacketizer, P, 7200, isMarked(P));
  expect(data().slice(0, 2)).toEqual([sample(SEI, IDR), sample(P)]);
  expect(seen.damage).toEqual([]);
});

test('parameter sets and SEI with their own timestamp belong to the following slices', () => {
  const { seen, depacketizer, data } = setUp({});
  pushHex(depacketizer, SPS, 0, true);
  pushHex(depacketizer, PPS, 10, true);
  pushHex(depacketizer, SEI, 20, true);
  pushHex(depacketizer, IDR, 30, true);
  expect(data()).toEqual([sample(SEI, IDR)]);
  expect(seen.units[0]).toMatchObject({ pts: 30 });
});

test('a camera that marks every slice costs one group, then its units are whole', () => {
  const { seen, depacketizer, data } = setUp();
  const picture = (nals: readonly string[], ticks: number) =>
    nals.map((nal) => pushHex(depacketizer, nal, ticks, true));
  picture([IDR, IDR_2], 0);
  expect(seen.damage).toEqual(['slices follow the marker: this camera sets it too early']);
  picture([P, P_2], 3600);
  picture([IDR, IDR_2], 7200);
  picture([P, P_2], 10_800);
  picture([P, P_2], 14_400);
  expect(data()).toEqual([sample(IDR), sample(IDR, IDR_2), sample(P, P_2)]);
  expect(seen.damage).toHaveLength(1);
});

test('a camera with doubtful markers that marks every slice loses nothing', () => {
  const { seen, depacketizer, data } = setUp(SPROP, { hasDoubtfulMarkers: true });
  const picture = (nals: readonly string[], ticks: number) =>
    nals.map((nal) => pushHex(depacketizer, nal, ticks, true));
  picture([IDR, IDR_2], 0);
  picture([P, P_2], 3600);
  picture([P, P_2], 7200);
  pushHex(depacketizer, P, 90_000);
  expect(data()).toEqual([sample(IDR, IDR_2), sample(P, P_2), sample(P, P_2)]);
  expect(seen.damage).toEqual([]);
});

test('a unit beyond the limit counts as damage, and memory stays bounded', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, '7c 81 9a38', 3600);
  const payload = new Uint8Array(60_000).fill(0x55);
  payload.set([0x7c, 0x01]);
  for (let i = 0; i < 300; i += 1) {
    depacketizer.push(payload, 0, payload.length, 3600, false, false);
  }
  expect(seen.damage).toEqual(['access unit is larger than 8388608 bytes']);
  pushHex(depacketizer, IDR, 7200, true);
  expect(seen.units).toHaveLength(2);
});

test('filler, end marks and layers of other standards are left out', () => {
  const { depacketizer, data } = setUp();
  for (const nal of ['6e 1122', IDR, '74 1122', '0c ffff 80', '0a', '0b']) {
    pushHex(depacketizer, nal, 0);
  }
  pushHex(depacketizer, P, 3600);
  expect(data()).toEqual([sample(IDR)]);
});

test('recovery points count as key units only after ten seconds without any', () => {
  const { seen, depacketizer } = setUp();
  const recovery = '06 0601c480';
  for (let second = 0; second < 25; second += 1) {
    pushHex(depacketizer, recovery, second * 90_000);
    pushHex(depacketizer, P, second * 90_000, true);
  }
  expect(seen.units.map(({ pts, key }) => [pts / 90_000, key]).slice(0, 3)).toEqual([
    [11, true],
    [12, false],
    [13, false],
  ]);
  expect(seen.units.filter(({ key }) => key).map(({ pts }) => pts / 90_000)).toEqual([11, 22]);
});

test('two fields of one frame make one unit', () => {
  const { seen, depacketizer } = setUp({
    'sprop-parameter-sets': `${base64('67640028acd94078044fde0220000003002000000643e2c5b2c0')},${base64('68fba3cb3002c0')}`,
  });
  // first_mb_in_slice 0, slice_type, pps 0, frame_num in 4 bits (0, 0, 1), field_pic_flag 1, bottom_field_flag (0, 1, 0).
  pushHex(depacketizer, '65 8885 02', 0);
  pushHex(depacketizer, '41 9a18 30', 0, true);
  pushHex(depacketizer, '41 9a30 48', 3600, true);
  expect(seen.units.map(({ data }) => data.length)).toEqual([16, 8]);
});

test('a stream with B-frames gets decode times from its picture order counts', () => {
  const { seen, depacketizer } = setUp({ 'sprop-parameter-sets': `${base64(H264_SPS)},${base64(H264_PPS)}` });
  for (const [frame, nal] of H264_UNITS) {
    send(packetizeH264, sampleOf(hex(nal)), 90_000 + frame * 3600, depacketizer, 100);
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ pts }) => (pts - 90_000) / 3600)).toEqual(H264_UNITS.map(([frame]) => frame));
  const frames = seen.units.map(({ dts }) => Math.floor((dts - 90_000) / 3600));
  expect(frames).toEqual([0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
  expect(seen.units.every(({ dts }, i) => i === 0 || dts > (seen.units[i - 1]?.dts ?? 0))).toBe(true);
});

test('samples survive packets of any size', () => {
  const { seen, depacketizer } = setUp();
  const next = random(6184);
  const sent: string[] = [];
  for (let unit = 0; unit < 200; unit += 1) {
    const nals = Array.from({ length: 1 + Math.floor(next() * 4) }, (_, i) => {
      const body = Uint8Array.from({ length: Math.floor(next() ** 3 * 9000) }, () => 1 + Math.floor(next() * 255));
      return Uint8Array.of(unit === 0 ? 0x65 : 0x41, i === 0 ? 0x88 : 0x42, 0x84, ...body);
    });
    sent.push(toHex(sampleOf(...nals)));
    send(packetizeH264, sampleOf(...nals), unit * 3600, depacketizer, 20 + Math.floor(next() * 1400));
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual(sent);
});

test('thousands of damaged packets cause no exception, and timestamps of the output follow the rules', () => {
  const next = random(28);
  const seeds = [
    SPS,
    PPS,
    SEI,
    AUD,
    IDR,
    IDR_2,
    P,
    P_2,
    `78 0019 ${SPS} 0005 ${PPS}`,
    '7c 85 8884',
    '7c 05 11',
    '7c 45 22',
    `${SPS} 000001 ${IDR}`,
    SPS_1080,
    PPS_1080,
    H264_SPS,
  ].map(hex);
  const { seen, depacketizer } = setUp();
  let ticks = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const packet = Uint8Array.from(seeds[Math.floor(next() * seeds.length)] ?? []);
    if (next() < 0.3) {
      packet[Math.floor(next() * packet.length)] = Math.floor(next() * 256);
    }
    const end = next() < 0.1 ? Math.floor(next() * (packet.length + 1)) : packet.length;
    ticks += next() < 0.4 ? Math.floor(next() * 7200) : 0;
    depacketizer.push(packet, 0, end, ticks, next() < 0.3, next() < 0.02);
  }
  expect(seen.units.length).toBeGreaterThan(100);
  expect(seen.units[0]?.key).toBe(true);
  for (const [i, { pts, dts }] of seen.units.entries()) {
    expect(dts).toBeLessThanOrEqual(pts);
    expect(dts).toBeGreaterThan(seen.units[i - 1]?.dts ?? Number.NEGATIVE_INFINITY);
  }
});
