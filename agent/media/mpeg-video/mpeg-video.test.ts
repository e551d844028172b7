import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, rtpFormat, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import type { Depacketizer } from '../payload/depacketizer.ts';
import { createMpegVideoDepacketizer } from './depacketize.ts';
import { MpegVideoFrames } from './frames.ts';
import { packetizeMpegVideo } from './packetize.ts';
import { mpegVideoTrack, parseSequence } from './params.ts';

/** 320x240 at 25 frames/s: sequence header, and the extension of MPEG-2 (Main profile). */
const HEADER = '000001b3 1400f013 ffffe018';
const SEQUENCE = `${HEADER} 000001b5 148200010000`;
const GROUP = '000001b8 00080040';
const SLICE = '00000101 aabbccdd';
const TYPES = { I: 1, P: 2, B: 3 } as const;
type Kind = keyof typeof TYPES;

/** temporal_reference, type, vbv_delay, the vectors of P- and B-pictures, extra_bit. */
const pictureHeader = (kind: Kind, reference: number): string => {
  const bits =
    reference.toString(2).padStart(10, '0') +
    TYPES[kind].toString(2).padStart(3, '0') +
    '1'.repeat(16) +
    (kind === 'I' ? '' : '0111') +
    (kind === 'B' ? '0111' : '');
  const bytes = bits.padEnd(40, '0').match(/.{8}/g) ?? [];
  return `00000100 ${bytes.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, '0')).join('')}`;
};
const picture = (kind: Kind, reference: number): string => `${pictureHeader(kind, reference)} ${SLICE}`;
const key = (reference = 0): string => `${SEQUENCE} ${GROUP} ${picture('I', reference)}`;

function setUp() {
  const seen = new Collector();
  const depacketizer = createMpegVideoDepacketizer(rtpFormat('MPV', 90_000, 1, {}), seen) as Depacketizer;
  /** The elementary stream after an RTP header. */
  const push = (payload: string, ticks: number, { marker = true, gap = false, header = '00000000' } = {}) => {
    const bytes = hex(`ffff ${header} ${payload} ffff`);
    depacketizer.push(bytes, 2, bytes.length - 2, ticks, marker, gap);
    bytes.fill(0xee);
  };
  return { seen, depacketizer, push };
}

test.for([
  ['MPEG-2', SEQUENCE, { width: 320, height: 240, fps: 25, version: 2, isLowDelay: false }],
  ['MPEG-1', HEADER, { width: 320, height: 240, fps: 25, version: 1 }],
  ['29.97 frames/s', '000001b3 1400f014 ffffe018', { fps: 30_000 / 1001 }],
  ['no B-pictures', `${HEADER} 000001b5 148200010080`, { isLowDelay: true }],
  ['sizes of 8192 and more', `${HEADER} 000001b5 148300010000`, { width: 320 + 8192 }],
  ['a rate with a factor: 25 * 2 / 3', `${HEADER} 000001b5 148200010022`, { fps: 50 / 3 }],
  ['a reserved rate', '000001b3 1400f01f ffffe018', { fps: undefined }],
] as const)('a sequence header: %s', ([, config, expected]) => {
  expect(parseSequence(hex(config))).toMatchObject(expected);
});

test.for([
  ['that is cut', '000001b3 1400'],
  ['without a size', '000001b3 00000013 ffffe018'],
  ['of kilobytes', `${HEADER} 000001b5 ${'20'.repeat(1024)}`],
])('a sequence header %s is rejected', ([, config = '']) => {
  expect(() => mpegVideoTrack(hex(config))).toThrow(PerchError);
});

test('a picture is delivered with its headers; I-pictures are key frames and describe the track', () => {
  const { seen, push } = setUp();
  push(picture('P', 9), 0);
  push(key(), 3600);
  push(picture('P', 1), 7200);
  expect(seen.tracks).toEqual([mpegVideoTrack(hex(SEQUENCE))]);
  expect(seen.units.map(({ pts, dts, key: isKey, data }) => [pts, dts, isKey, toHex(data)])).toEqual([
    [3600, 3600, true, toHex(hex(key()))],
    [7200, 7200, false, toHex(hex(picture('P', 1)))],
  ]);
});

test('an I-picture without a sequence header gets the last one: readers begin there', () => {
  const { seen, push } = setUp();
  push(key(), 0);
  push(`${GROUP} ${picture('I', 0)}`, 3600);
  push(key(), 7200);
  expect(seen.tracks).toHaveLength(1);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual([key(), key(), key()].map((unit) => toHex(hex(unit))));
});

test('another sequence header is a new description', () => {
  const { seen, push } = setUp();
  push(key(), 0);
  push(`000001b3 2801e013 ffffe018 ${GROUP} ${picture('I', 0)}`, 3600);
  expect(seen.tracks).toMatchObject([
    { width: 320, version: 2 },
    { width: 640, height: 480, version: 1 },
  ]);
});

const GROUPS: readonly (readonly [Kind, number])[] = [
  ['I', 0],
  ['P', 3],
  ['B', 1],
  ['B', 2],
  ['I', 6],
  ['B', 4],
  ['B', 5],
  ['P', 9],
  ['B', 7],
  ['B', 8],
];

test.for(['with groups', 'without groups, counting beyond 1023'])('B-pictures get decode times, %s', (name) => {
  const { seen, push } = setUp();
  for (const [i, [kind, frame]] of GROUPS.entries()) {
    const isOpen = name === 'with groups' && i >= 4;
    const reference = name === 'with groups' ? frame - (isOpen ? 4 : 0) : (frame + 1020) % 1024;
    const headers = kind === 'I' ? `${SEQUENCE} ${name === 'with groups' ? GROUP : ''}` : '';
    push(`${headers} ${picture(kind, reference)}`, 90_000 + frame * 3600);
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ pts }) => (pts - 90_000) / 3600)).toEqual(GROUPS.map(([, frame]) => frame));
  for (const [i, { pts, dts }] of seen.units.entries()) {
    expect(dts).toBeLessThanOrEqual(pts);
    expect(dts).toBeGreaterThan(seen.units[i - 1]?.dts ?? Number.NEGATIVE_INFINITY);
  }
});

test('after a gap no picture is delivered until the next I-picture; B-pictures before it refer to missing ones', () => {
  const { seen, push } = setUp();
  push(key(), 0);
  push(picture('P', 1), 3600, { gap: true });
  push(key(3), 18_000);
  push(picture('B', 1), 10_800);
  push(picture('P', 4), 21_600);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 18_000, 21_600]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('the header of MPEG-2 in packets is skipped, with its extension', () => {
  const { seen, push } = setUp();
  push(key(), 0, { header: '04000000 00000000' });
  push(picture('P', 1), 3600, { header: '04000000 40000000 02ffffff ffffffff' });
  push('', 7200, { header: '04000000' });
  push(picture('P', 2), 10_800);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual([key(), picture('P', 1)].map((unit) => toHex(hex(unit))));
  expect(seen.damage).toEqual(['MPEG video packet of 4 bytes without payload', 'packets are missing']);
});

test('the two fields of a frame are one sample, the frames of a piece are samples of their own', () => {
  const seen = new Collector();
  const frames = new MpegVideoFrames(seen);
  const fields = `${SEQUENCE} ${GROUP} ${picture('I', 0)} ${picture('P', 0)}`;
  const bytes = hex(`${fields} ${picture('P', 1)} ${picture('P', 2)} ${key()}`);
  frames.push(bytes, 0, bytes.length, 90_000, true, false);
  expect(seen.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([
    [90_000, toHex(hex(fields))],
    [93_600, toHex(hex(picture('P', 1)))],
    [97_200, toHex(hex(picture('P', 2)))],
    [100_800, toHex(hex(key()))],
  ]);
});

test('small pictures share packets with the next one (rtpmpvpay of GStreamer)', () => {
  const { seen, push } = setUp();
  push(key(), 90_000);
  push(`${picture('P', 1)} ${picture('P', 2)}`, 93_600, { marker: false });
  push('00000102 0102', 93_600);
  expect(seen.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([
    [90_000, toHex(hex(key()))],
    [93_600, toHex(hex(picture('P', 1)))],
    [97_200, toHex(hex(`${picture('P', 2)} 00000102 0102`))],
  ]);
  expect(seen.damage).toEqual([]);
});

/** A picture of slices with these sizes, without start codes in them. */
function slices(sizes: readonly number[]): Uint8Array {
  const parts = sizes.map((size, i) => [0, 0, 1, i + 1, ...new Array<number>(size - 4).fill(0x55)]);
  return Uint8Array.from([...hex(`${SEQUENCE} ${GROUP} ${pictureHeader('B', 5)}`), ...parts.flat()]);
}

test.for([
  ['small slices share a packet', [40, 40, 40], [[true, true]]],
  [
    'whole slices only',
    [60, 80, 60, 30],
    [
      [true, true],
      [true, true],
    ],
  ],
  [
    'a large slice is split, and the next one begins a packet',
    [400, 20],
    [
      [true, false],
      [false, false],
      [false, true],
      [true, true],
    ],
  ],
] as const)('%s', ([, sizes, expected]) => {
  const unit = slices(sizes);
  const payloads = payloadsOf((sink) => packetizeMpegVideo(unit, 200, true, sink));
  const flags = payloads.map(({ bytes }) => [((bytes[2] as number) & 0x10) !== 0, ((bytes[2] as number) & 8) !== 0]);
  expect(flags).toEqual(expected);
  expect(payloads.map(({ bytes }) => bytes.length <= 200)).toEqual(payloads.map(() => true));
  // Temporal reference 5; sequence header; type 3 with full_pel 0 and f_code 7 of both directions.
  expect(toHex((payloads[0] as { bytes: Uint8Array }).bytes.subarray(0, 2))).toBe('0005');
  expect((payloads[0]?.bytes[2] as number) & 0x27).toBe(0x23);
  expect(payloads.at(-1)?.bytes[3]).toBe(0x77);
  expect(payloads.map(({ marker }) => marker)).toEqual([...payloads.slice(1).map(() => false), true]);
  expect(Buffer.concat(payloads.map(({ bytes }) => bytes.subarray(4)))).toEqual(Buffer.from(unit));
});

test.for([100, 1188, 1189, 5000])('a picture of %i bytes comes back as it was', (bytes) => {
  const next = random(bytes);
  const unit = Uint8Array.from({ length: bytes }, () => 1 + next() * 255);
  unit.set(hex(key()));
  const { seen, depacketizer } = setUp();
  for (const { bytes: packet, marker } of payloadsOf((sink) => packetizeMpegVideo(unit, 1188, true, sink))) {
    depacketizer.push(packet, 0, packet.length, 0, marker, false);
  }
  expect(seen.units[0]?.data).toEqual(unit);
});

test('mutated packets give pictures or damage; decode times never run backwards', () => {
  const next = random(2250);
  const { seen, depacketizer } = setUp();
  for (let round = 0; round < 20_000; round += 1) {
    const frame = round % 5 === 0 ? key() : picture(round % 3 === 0 ? 'B' : 'P', round % 25);
    const packet = mutate(hex(`${next() < 0.2 ? '04000000 40000000 01ffffff' : '00000000'} ${frame}`), next);
    depacketizer.push(packet, 0, packet.length, round * 3600, next() < 0.9, next() < 0.05);
  }
  expect(seen.units.length).toBeGreaterThan(500);
  for (const [i, { pts, dts }] of seen.units.entries()) {
    expect(dts <= pts && dts > (seen.units[i - 1]?.dts ?? Number.NEGATIVE_INFINITY)).toBe(true);
  }
});
