import { expect, test } from 'vitest';
import { Collector, hex, pushHex, rtpFormat, sampleOf, toHex } from '../../../test/support/media/units.ts';
import type { SenderTraits } from '../payload/depacketizer.ts';
import { H264Depacketizer } from './depacketize.ts';

const SPS = '6742c016d900a02ff970110000030001000003001e0f162e48';
const PPS = '68cb83cb20';
/** First slices of an IDR and of a P picture, and the second slices of such. */
const IDR = '65 888400 11';
const IDR_2 = '65 422100 12';
const P = '41 9a3800 21';
const P_2 = '41 468800 22';
const AUD = '09 10';

const base64 = (text: string) => Buffer.from(hex(text)).toString('base64');
const SPROP = { 'sprop-parameter-sets': `${base64(SPS)},${base64(PPS)}` };
const sample = (...nals: string[]) => toHex(sampleOf(...nals.map(hex)));

function setUp(fmtp: Record<string, string> = SPROP, traits: SenderTraits = {}) {
  const seen = new Collector();
  const depacketizer = new H264Depacketizer(rtpFormat('H264', 90_000, 0, fmtp), seen, traits);
  return { seen, depacketizer, data: () => seen.units.map((unit) => toHex(unit.data)) };
}

test('a key unit with a valid marker is delivered although packets after it are missing', () => {
  const { seen, depacketizer } = setUp(SPROP, { hasDoubtfulMarkers: true });
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, P, 7200, true, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0]);
});

test('a fragmented NAL unit whose end is never marked ends where the next begins', () => {
  const { seen, depacketizer, data } = setUp(SPROP, { hasDoubtfulMarkers: true });
  for (const [first, last, ticks] of [
    ['7c 85 8884', '7c 05 0011', 0],
    ['5c 81 9a38', '5c 01 0021', 3600],
    ['5c 81 9a38', '5c 01 0022', 7200],
  ] as const) {
    pushHex(depacketizer, first, ticks);
    pushHex(depacketizer, last, ticks, true);
  }
  pushHex(depacketizer, P, 90_000);
  expect(data()).toEqual([sample(IDR), sample('41 9a3800 21'), sample('41 9a3800 22')]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['a first slice', []],
  ['a delimiter', [AUD]],
] as const)('two frames with one timestamp are separated by %s', ([, between]) => {
  const { seen, depacketizer, data } = setUp();
  for (const nal of [IDR, IDR_2, ...between, P, P_2]) {
    pushHex(depacketizer, nal, 3600);
  }
  pushHex(depacketizer, P, 7200, true);
  expect(data()).toEqual([sample(IDR, IDR_2), sample(P, P_2), sample(P)]);
  expect(seen.units.map(({ dts }) => dts)).toEqual([3600, 3601, 7200]);
});

test.for([
  ['before a slice', [[P_2, 3600, true]]],
  ['between units', [[P, 7200, true]]],
  ['before the last fragment', [['7c 41 33', 3600, true]]],
] as const)('packets missing %s: nothing is released before the next key unit', ([, behindGap]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, '7c 81 9a38', 3600);
  for (const [i, [payload, ticks, marker]] of behindGap.entries()) {
    pushHex(depacketizer, payload, ticks, marker, i === 0);
  }
  pushHex(depacketizer, P, 10_800, true);
  expect(seen.units).toHaveLength(1);
  expect(seen.damage).toEqual(['packets are missing']);
  pushHex(depacketizer, IDR, 14_400, true);
  pushHex(depacketizer, P, 18_000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 14_400, 18_000]);
  expect(seen.damage).toHaveLength(1);
});

/** A picture whose header says that `frameNum` pictures were referred to since the key picture; `isNeeded`: others refer to it. */
const pictureOf = (frameNum: number, isNeeded: boolean) => {
  // first_mb_in_slice 0, slice_type 5, pps 0, frame_num in 4 bits.
  const bits = `1001101${frameNum.toString(2).padStart(4, '0')}10000`;
  const bytes = bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, '0'));
  return `${isNeeded ? '41' : '01'} ${bytes?.join('')} 55`;
};

test.for<[what: string, lost: readonly number[], shown: readonly number[]]>([
  ['a picture that no other refers to', [2], [0, 1, 3, 4, 5]],
  ['two such pictures', [2, 4], [0, 1, 3, 5]],
  ['a picture that others refer to', [1], [0]],
  ['both kinds', [3, 4], [0, 1, 2]],
])('where %s is missing the pictures that need it are left out', ([, lost, shown]) => {
  const { seen, depacketizer } = setUp();
  const pictures = [
    IDR,
    pictureOf(1, true),
    pictureOf(2, false),
    pictureOf(2, true),
    pictureOf(3, false),
    pictureOf(3, true),
  ];
  let isGap = false;
  for (const [i, nal] of pictures.entries()) {
    if (lost.includes(i)) {
      isGap = true;
    } else {
      pushHex(depacketizer, nal, 3600 * i, true, isGap);
      isGap = false;
    }
  }
  expect(seen.units.map(({ pts }) => pts / 3600)).toEqual(shown);
});

test('a part of a picture that no other refers to costs that picture alone', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, '1c 81 9a30', 3600);
  pushHex(depacketizer, '1c 41 22', 3600, true, true);
  pushHex(depacketizer, pictureOf(1, true), 7200, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 7200]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('after a loss pictures continue at a recovery point, which is not a key picture', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, pictureOf(3, true), 7200, true, true);
  pushHex(depacketizer, '06 0601c480', 10_800);
  pushHex(depacketizer, pictureOf(4, true), 10_800, true);
  pushHex(depacketizer, pictureOf(5, true), 14_400, true);
  expect(seen.units.map(({ pts, key }) => [pts, key])).toEqual([
    [0, true],
    [10_800, false],
    [14_400, false],
  ]);
});

test('with continuesAfterLoss only the damaged picture is lost', () => {
  const { seen, depacketizer } = setUp(SPROP, { continuesAfterLoss: true });
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, '7c 81 9a38', 3600);
  pushHex(depacketizer, pictureOf(3, true), 7200, true, true);
  pushHex(depacketizer, pictureOf(4, true), 10_800, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 7200, 10_800]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('a key unit directly after a gap is delivered if it has its first slice', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, IDR, 3600, true, true);
  pushHex(depacketizer, IDR_2, 7200, true, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 3600]);
});

test.for([
  ['an end', ['7c 81 9a38', '41 9a3800']],
  ['an end, with the next fragmented', ['7c 81 9a38', '7c 81 9a38', '7c 41 00']],
  ['a beginning', ['7c 01 9a38', '7c 41 00']],
] as const)('a fragmented NAL unit without %s damages its unit, though no packet is missing', ([, payloads]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, '7c 85 8884', 0);
  pushHex(depacketizer, '7c 45 0011', 0, true);
  for (const payload of payloads) {
    pushHex(depacketizer, payload, 3600);
  }
  pushHex(depacketizer, P, 7200, true);
  expect(seen.units).toHaveLength(1);
  expect(seen.damage).toHaveLength(1);
});

test.for([
  ['STAP-B', '79 0000 0005', 'RTP packet type 25'],
  ['MTAP16', '7a 0000', 'RTP packet type 26'],
  ['FU-B', '7d 85 0000 88', 'RTP packet type 29'],
  ['a STAP-A that ends early', '78 0100 65', 'NAL unit of 256 bytes'],
] as const)('%s is damage', ([, payload, reason]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, IDR, 0, true);
  pushHex(depacketizer, payload, 3600);
  expect(seen.damage[0]).toContain(reason);
});
