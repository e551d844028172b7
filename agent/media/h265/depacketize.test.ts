import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { H265_PPS, H265_SPS, H265_UNITS, H265_VPS } from '../../../test/support/media/tiny-streams.ts';
import { Collector, hex, pushHex, rtpFormat, sampleOf, send, toHex } from '../../../test/support/media/units.ts';
import type { SenderTraits } from '../payload/depacketizer.ts';
import { H265Depacketizer } from './depacketize.ts';
import { packetizeH265 } from './packetize.ts';

/** First slices of an IDR (W_RADL), a CRA, a TRAIL_R and a RASL_N picture, and the second slice of such. */
const IDR = '2601 af08 11';
const IDR_2 = '2601 2f08 12';
const CRA = '2a01 ac00 13';
const TRAIL = '0201 d010 21';
const TRAIL_2 = '0201 5010 22';
const RASL = '1001 e010 23';
const AUD = '4601 10';
const SEI = '4e01 0504aabbccdd 80';
const SUFFIX_SEI = '5001 0504aabbccdd 80';

const base64 = (text: string) => Buffer.from(hex(text)).toString('base64');
const SPROP = { 'sprop-vps': base64(H265_VPS), 'sprop-sps': base64(H265_SPS), 'sprop-pps': base64(H265_PPS) };
const sample = (...nals: string[]) => toHex(sampleOf(...nals.map(hex)));

function setUp(fmtp: Record<string, string> = SPROP, traits: SenderTraits = {}) {
  const seen = new Collector();
  const depacketizer = new H265Depacketizer(rtpFormat('H265', 90_000, 0, fmtp), seen, traits);
  return { seen, depacketizer, data: () => seen.units.map((unit) => toHex(unit.data)) };
}

test('the SDP alone makes the track known', () => {
  expect(setUp().seen.tracks).toMatchObject([{ codec: 'h265', width: 64, height: 64, fps: 25 }]);
});

test('without a VPS in the SDP the sets in band are awaited', () => {
  const { seen, depacketizer, data } = setUp({ 'sprop-sps': base64(H265_SPS), 'sprop-pps': base64(H265_PPS) });
  pushHex(depacketizer, IDR, 0, true);
  expect([seen.tracks, seen.units]).toEqual([[], []]);
  pushHex(depacketizer, H265_VPS, 3600);
  pushHex(depacketizer, IDR, 3600, true);
  expect(seen.tracks).toHaveLength(1);
  expect(data()).toEqual([sample(IDR)]);
});

test('a unit is delivered at its marker, without delimiter and parameter sets, with SEI', () => {
  const { seen, depacketizer, data } = setUp();
  for (const nal of [AUD, H265_VPS, H265_SPS, H265_PPS, SEI, IDR, IDR_2]) {
    pushHex(depacketizer, nal, 9000);
  }
  pushHex(depacketizer, SUFFIX_SEI, 9000, true);
  expect(data()).toEqual([sample(SEI, IDR, IDR_2, SUFFIX_SEI)]);
  expect(seen.units).toMatchObject([{ pts: 9000, key: true }]);
  expect(seen.tracks).toHaveLength(1);
});

test('an aggregation packet holds a whole key unit', () => {
  const { depacketizer, data } = setUp();
  const size = (nal: string) => hex(nal).length.toString(16).padStart(4, '0');
  const inside = [H265_VPS, H265_SPS, H265_PPS, SEI, IDR].map((nal) => `${size(nal)} ${nal}`).join(' ');
  pushHex(depacketizer, `6001 ${inside}`, 0, true);
  expect(data()).toEqual([sample(SEI, IDR)]);
});

test.for([
  ['whole', ['6201 93 af', '6201 13 08', '6201 53 11']],
  ['with empty ones', ['6201 93', '6201 13 af08', '6201 13', '6201 53 11', '6201 53']],
  ['with another type in later ones', ['6201 93 af08', '6201 01', '6201 41 11']],
] as const)('fragments become one NAL unit: %s', ([, payloads]) => {
  const { seen, depacketizer, data } = setUp();
  for (const payload of payloads) {
    pushHex(depacketizer, payload, 0);
  }
  pushHex(depacketizer, TRAIL, 3600);
  expect(data()).toEqual([sample(IDR)]);
  expect(seen.damage).toEqual([]);
});

test('a camera that never sets the marker is read by its timestamps', () => {
  const { depacketizer, data } = setUp();
  for (const [nal, ticks] of [
    [IDR, 0],
    [IDR_2, 0],
    [TRAIL, 3600],
    [TRAIL_2, 3600],
    [TRAIL, 7200],
    [TRAIL, 10_800],
  ] as const) {
    pushHex(depacketizer, nal, ticks);
  }
  expect(data().slice(0, 2)).toEqual([sample(IDR, IDR_2), sample(TRAIL, TRAIL_2)]);
});

test('junk of payload type 50 (GeoVision) and layers without a decoder are ignored', () => {
  const { seen, depacketizer, data } = setUp();
  pushHex(depacketizer, '6401 0102030405', 0);
  pushHex(depacketizer, '0209 d010 21', 0);
  pushHex(depacketizer, IDR, 0, true);
  expect(data()).toEqual([sample(IDR)]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['every slice', false],
  ['every slice, and never the last fragment of a NAL unit', true],
] as const)('a camera that marks %s loses nothing', ([, isEndless]) => {
  const { seen, depacketizer, data } = setUp(SPROP, { hasDoubtfulMarkers: true });
  const slice = (nal: string, ticks: number) => {
    const bytes = nal.replaceAll(' ', '');
    const type = (Number.parseInt(bytes.slice(0, 2), 16) >> 1) & 0x3f;
    const flags = (high: number) => (high | type).toString(16).padStart(2, '0');
    pushHex(depacketizer, `62${bytes.slice(2, 4)} ${flags(0x80)} ${bytes.slice(4, 6)}`, ticks);
    pushHex(depacketizer, `62${bytes.slice(2, 4)} ${flags(isEndless ? 0 : 0x40)} ${bytes.slice(6)}`, ticks, true);
  };
  for (const [nals, ticks] of [
    [[IDR, IDR_2], 0],
    [[TRAIL, TRAIL_2], 3600],
    [[TRAIL, TRAIL_2], 7200],
  ] as const) {
    for (const nal of nals) {
      slice(nal, ticks);
    }
  }
  pushHex(depacketizer, TRAIL, 10_800);
  expect(data()).toEqual([sample(IDR, IDR_2), sample(TRAIL, TRAIL_2), sample(TRAIL, TRAIL_2)]);
  expect(seen.damage).toEqual([]);
});

test('after missing packets no unit is delivered until the next key unit', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, TRAIL_2, 3600, true, true);
  pushHex(depacketizer, TRAIL, 7200, true);
  pushHex(depacketizer, CRA, 10_800, true);
  pushHex(depacketizer, TRAIL, 14_400, true);
  pushHex(depacketizer, TRAIL, 18_000, true);
  expect(seen.units.slice(0, 3).map(({ pts, key }) => [pts, key])).toEqual([
    [0, true],
    [10_800, true],
    [14_400, false],
  ]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('leading pictures of the first key picture are dropped', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, CRA, 10_800, true);
  pushHex(depacketizer, RASL, 7200, true);
  pushHex(depacketizer, TRAIL, 14_400, true);
  pushHex(depacketizer, TRAIL, 18_000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([10_800, 14_400, 18_000]);
  expect(seen.damage).toEqual([]);
});

test('a stream with B-frames gets decode times from its picture order counts', () => {
  const { seen, depacketizer } = setUp();
  for (const [frame, nal] of H265_UNITS) {
    send(packetizeH265, sampleOf(hex(nal)), 90_000 + frame * 3600, depacketizer, 100);
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ pts }) => (pts - 90_000) / 3600)).toEqual(H265_UNITS.map(([frame]) => frame));
  const frames = seen.units.map(({ dts }) => Math.floor((dts - 90_000) / 3600));
  expect(frames).toEqual([0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
});

test('samples survive packets of any size', () => {
  const { seen, depacketizer } = setUp();
  const next = random(7798);
  const sent: string[] = [];
  for (let unit = 0; unit < 200; unit += 1) {
    const nals = Array.from({ length: 1 + Math.floor(next() * 4) }, (_, i) => {
      const body = Uint8Array.from({ length: Math.floor(next() ** 3 * 9000) }, () => 1 + Math.floor(next() * 255));
      return Uint8Array.of(0x26, 0x01, i === 0 ? 0xaf : 0x2f, 0x08, ...body);
    });
    sent.push(toHex(sampleOf(...nals)));
    send(packetizeH265, sampleOf(...nals), unit * 3600, depacketizer, 20 + Math.floor(next() * 1400));
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual(sent);
});

test('thousands of damaged packets cause no exception, and timestamps of the output follow the rules', () => {
  const next = random(49);
  const sets = [H265_VPS, H265_SPS, H265_PPS, SEI, AUD];
  const seeds = [
    ...sets,
    IDR,
    IDR_2,
    CRA,
    TRAIL,
    TRAIL_2,
    RASL,
    '6201 93 af',
    '6201 13 08',
    '6201 53 11',
    `6001 0005 ${IDR}`,
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
  for (const [i, { pts, dts }] of seen.units.entries()) {
    expect(dts).toBeLessThanOrEqual(pts);
    expect(dts).toBeGreaterThan(seen.units[i - 1]?.dts ?? Number.NEGATIVE_INFINITY);
  }
});

const REAL = H265_UNITS.map(([frame, nal]) => ({ frame, nal }));

/** Which frames of real pictures are shown when some of them, by their place in decoding order, are lost. */
function shownWithout(lost: readonly number[], pictures = REAL): number[] {
  const { seen, depacketizer } = setUp();
  let isGap = false;
  for (const [i, { frame, nal }] of pictures.entries()) {
    if (!lost.includes(i)) {
      pushHex(depacketizer, nal, 90_000 + frame * 3600, true, isGap);
    }
    isGap = lost.includes(i);
  }
  return seen.units.map(({ pts }) => (pts - 90_000) / 3600);
}

// In decoding order: 0 (IDR), 5, 3, 1, 2, 4, 9, 7, 6, 8. The decoder of FFmpeg says the same of them.
test.for<[what: string, lost: readonly number[], shown: readonly number[]]>([
  ['a picture that no other needs', [3], [0, 5, 3, 2, 4, 9, 7, 6, 8]],
  ['two of these', [4, 9], [0, 5, 3, 1, 4, 9, 7, 6]],
  ['a picture that the ones between refer to', [2], [0, 5]],
  ['the picture that all refer to', [1], [0]],
])('after the loss of %s each picture is shown that has what it refers to', ([, lost, shown]) => {
  expect(shownWithout(lost)).toEqual(shown);
});

/** Unsigned Exp-Golomb code, H.265 §9.2. */
const ue = (value: number) => (value + 1).toString(2).padStart(2 * Math.floor(Math.log2(value + 1)) + 1, '0');

/** A P picture that refers to `used`, and keeps `kept` for later ones. */
function pictureOf(poc: number, used: readonly number[], kept: readonly number[]): string {
  const named = [...used, ...kept].sort((one, other) => other - one);
  const set = named.map((other, i) => ue((named[i - 1] ?? poc) - other - 1) + (used.includes(other) ? '1' : '0'));
  // First slice, pps 0, slice_type 1, 8 bits of POC, its own reference set without later pictures.
  const header = ['11010', poc.toString(2).padStart(8, '0'), '0', ue(named.length), ue(0), ...set, '1010101010'];
  const bytes = header.join('').match(/.{8}/g);
  return `0201 ${bytes?.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, '0')).join('')}`;
}

test('each loss and each stop after a delivered picture is reported, to request a key frame', () => {
  const heard: (number | string)[] = [];
  const depacketizer = new H265Depacketizer(rtpFormat('H265', 90_000, 0, SPROP), {
    onUnit: (pts) => heard.push(pts / 3600),
    onTrack: () => {},
    onDamage: (reason) => heard.push(reason),
  });
  const pictures: readonly (readonly [poc: number, nal: string, isBehindGap?: boolean])[] = [
    [0, IDR],
    [1, pictureOf(1, [0], [])],
    [3, pictureOf(3, [1], [2, 0]), true],
    [4, pictureOf(4, [2], [3, 1])],
    [5, pictureOf(5, [3], [2])],
    [7, pictureOf(7, [5], [6, 2]), true],
    [8, pictureOf(8, [7, 6], [2])],
    [9, pictureOf(9, [8], [2])],
    [10, CRA],
  ];
  for (const [poc, nal, isBehindGap = false] of pictures) {
    pushHex(depacketizer, nal, poc * 3600, true, isBehindGap);
  }
  const [gap, stop] = ['packets are missing', 'reference pictures are missing'];
  expect(heard).toEqual([0, 1, gap, 3, stop, 5, gap, 7, stop, 10]);
});

test('if the key picture is lost, pictures that refer to an earlier one with its number are not shown', () => {
  const twice = [...REAL, ...REAL.map(({ frame, nal }) => ({ frame: frame + 10, nal }))];
  expect(shownWithout([REAL.length], twice)).toEqual(REAL.map(({ frame }) => frame));
});

test('a part of a picture that no other needs costs that picture alone', () => {
  const { seen, depacketizer } = setUp();
  for (const [i, { frame, nal }] of REAL.entries()) {
    if (i !== 3) {
      pushHex(depacketizer, nal, frame * 3600, true);
      continue;
    }
    const header = Number.parseInt(nal.slice(0, 2), 16);
    const fu = (flags: number) => `62${nal.slice(2, 4)} ${(flags | (header >> 1)).toString(16).padStart(2, '0')}`;
    pushHex(depacketizer, `${fu(0x80)} ${nal.slice(4, 8)}`, frame * 3600);
    pushHex(depacketizer, `${fu(0x40)} ${nal.slice(10)}`, frame * 3600, true, true);
  }
  expect(seen.units.map(({ pts }) => pts / 3600)).toEqual([0, 5, 3, 2, 4, 9, 7, 6, 8]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('after a loss pictures continue at a recovery point, which is not a key picture', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, TRAIL, 7200, true, true);
  pushHex(depacketizer, '4e01 0601d080', 10_800);
  pushHex(depacketizer, TRAIL, 10_800, true);
  pushHex(depacketizer, TRAIL, 14_400, true);
  expect(seen.units.map(({ pts, key }) => [pts, key])).toEqual([
    [0, true],
    [10_800, false],
    [14_400, false],
  ]);
});

test('with continuesAfterLoss only the damaged picture is lost', () => {
  const { seen, depacketizer } = setUp(SPROP, { continuesAfterLoss: true });
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, '6201 81 d009', 3600);
  pushHex(depacketizer, TRAIL, 7200, true, true);
  pushHex(depacketizer, TRAIL, 10_800, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 7200, 10_800]);
  expect(seen.damage).toEqual(['packets are missing']);
});
