import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, pushHex, rtpFormat, toHex } from '../../../test/support/media/units.ts';
import { createLatmDepacketizer } from './latm.ts';

/** Pairs of value and bits, as bytes; the last byte is padded with zeros. */
function packBits(...fields: readonly (readonly [value: number, bits: number])[]): string {
  const text = fields.map(([value, bits]) => value.toString(2).padStart(bits, '0')).join('');
  const bytes = text.padEnd(8 * Math.ceil(text.length / 8), '0').match(/.{8}/g) ?? [];
  return bytes.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, '0')).join('');
}

type Field = readonly [value: number, bits: number];
/** AAC-LC, 8 kHz, mono: the bits of 1588. */
const LC_8K: readonly Field[] = [[0x1588, 16]];
/** HE-AAC with explicit signalling: 32 kHz from a core of 16 kHz, stereo. */
const HE_16K: readonly Field[] = [
  [5, 5],
  [8, 4],
  [2, 4],
  [5, 4],
  [2, 5],
  [0, 3],
];
/** audioMuxVersion 0, same timing, frames, one program, one layer, the config, sizes in the stream, fullness, nothing else, no CRC. */
const muxConfig = (asc: readonly Field[], frames = 1): readonly Field[] => [
  [0, 1],
  [1, 1],
  [frames - 1, 6],
  [0, 4],
  [0, 3],
  ...asc,
  [0, 3],
  [0xff, 8],
  [0, 1],
  [0, 1],
];
const frameFields = (...bytes: readonly number[]): readonly Field[] => [
  [bytes.length, 8],
  ...bytes.map((byte) => [byte, 8] as const),
];

function setUp(fmtp: Record<string, string>, clockRate = 8_000, channels = 1) {
  const seen = new Collector();
  const depacketizer = createLatmDepacketizer(rtpFormat('MP4A-LATM', clockRate, channels, fmtp), seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  return { seen, depacketizer, units: () => seen.units.map(({ pts, data }) => [pts, toHex(data)]) };
}

const OUT_OF_BAND = { cpresent: '0', config: packBits(...muxConfig(LC_8K)) };
const TRACK = { kind: 'audio', codec: 'aac', clockRate: 8_000, channels: 1, config: hex('1588'), frameSamples: 1024 };

test.for([
  ['cpresent=0', OUT_OF_BAND],
  ['a config and no cpresent', { config: OUT_OF_BAND.config }],
  ['the same in hexadecimal', { cpresent: '0', config: '40002b103fc0' }],
] as const)('the SDP makes the track known with %s', ([, fmtp]) => {
  const { seen, depacketizer, units } = setUp(fmtp);
  expect(seen.tracks).toEqual([TRACK]);
  pushHex(depacketizer, '03 aabbcc', 100, true);
  expect(units()).toEqual([[100, 'aabbcc']]);
});

test('GStreamer: the extension for files ends the config', () => {
  const { seen } = setUp({ cpresent: '0', config: '40002320adca00' }, 48_000, 2);
  expect(seen.tracks).toMatchObject([{ clockRate: 48_000, channels: 2, config: hex('119056e500') }]);
});

test('an extension that signals HE-AAC is part of the config, to its last bit', () => {
  // Replication at 16 kHz (syncExtensionType, object type, flag, rate), then parametric stereo.
  const extended: readonly Field[] = [...LC_8K, [0x2b7, 11], [5, 5], [1, 1], [8, 4], [0x548, 11], [1, 1]];
  const { seen, depacketizer, units } = setUp({ cpresent: '0', config: packBits(...muxConfig(extended, 2)) });
  expect(seen.tracks).toMatchObject([{ clockRate: 8_000, config: hex(packBits(...extended)) }]);
  pushHex(depacketizer, '01 aa 01 bb', 0, true);
  expect(units()).toEqual([
    [0, 'aa'],
    [1024, 'bb'],
  ]);
});

test('the config of HE-AAC is read to its last bit, and times follow the RTP clock', () => {
  const config = packBits(...muxConfig(HE_16K, 2));
  const { seen, depacketizer, units } = setUp({ cpresent: '0', config }, 32_000, 2);
  expect(seen.tracks).toMatchObject([{ clockRate: 16_000, channels: 2, config: hex(packBits(...HE_16K)) }]);
  pushHex(depacketizer, '02 aabb 01 cc', 0, true);
  expect(units()).toEqual([
    [0, 'aabb'],
    [2048, 'cc'],
  ]);
});

test('a config with its length may contain unknown extensions', () => {
  // audioMuxVersion 1, taraBufferFullness, then 24 bits of AudioSpecificConfig whose end is an unknown extension.
  const fields: readonly Field[] = [
    [1, 1],
    [0, 1],
    [0, 2],
    [0xff, 8],
    ...muxConfig([], 1).slice(1, 5),
    [0, 2],
    [24, 8],
    [0x1588, 16],
    [0x56, 8],
    ...muxConfig([], 1).slice(5),
  ];
  const { seen } = setUp({ cpresent: '0', config: packBits(...fields) });
  expect(seen.tracks).toMatchObject([{ clockRate: 8_000, config: hex('158856') }]);
});

test('frames of one fixed size have none in front', () => {
  const fields: readonly Field[] = [...muxConfig(LC_8K).slice(0, 6), [1, 3], [2, 9], [0, 1], [0, 1]];
  const { depacketizer, units } = setUp({ cpresent: '0', config: packBits(...fields) });
  pushHex(depacketizer, 'ab'.repeat(22), 0, true);
  expect(units()).toEqual([[0, 'ab'.repeat(22)]]);
});

test('sizes from 255 on take several bytes', () => {
  const { seen, depacketizer } = setUp(OUT_OF_BAND);
  pushHex(depacketizer, `ff 01 ${'cd'.repeat(256)}`, 0, true);
  pushHex(depacketizer, `ff ff 00 ${'cd'.repeat(510)}`, 1024, true);
  expect(seen.units.map(({ data }) => data.length)).toEqual([256, 510]);
});

test('a config in the stream precedes its frames, which are not byte-aligned', () => {
  const { seen, depacketizer, units } = setUp({});
  pushHex(depacketizer, packBits([1, 1], ...frameFields(0x11, 0x22)), 0, true);
  expect([seen.tracks, seen.units, seen.damage]).toEqual([[], [], []]);
  pushHex(
    depacketizer,
    packBits([0, 1], ...muxConfig(LC_8K, 2), ...frameFields(0xaa, 0xbb), ...frameFields(0xcc)),
    1024,
    true,
  );
  pushHex(depacketizer, packBits([1, 1], ...frameFields(0xdd, 0xee), ...frameFields(0xff)), 3072, true);
  expect(seen.tracks).toEqual([TRACK]);
  expect(units()).toEqual([
    [1024, 'aabb'],
    [2048, 'cc'],
    [3072, 'ddee'],
    [4096, 'ff'],
  ]);
});

test('a fragment after an unreadable one does not count as the start of an element', () => {
  const { seen, depacketizer, units } = setUp({});
  // Its config came earlier; the following bits happen to look like an element with a config.
  const looksWhole = packBits([0, 1], ...muxConfig(HE_16K), ...frameFields(0xaa));
  pushHex(depacketizer, packBits([1, 1], [20, 8], [0x55, 7]), 0);
  pushHex(depacketizer, looksWhole, 0);
  pushHex(depacketizer, looksWhole, 0, true);
  expect([seen.tracks, seen.units]).toEqual([[], []]);
  pushHex(depacketizer, packBits([0, 1], ...muxConfig(LC_8K), ...frameFields(0xbb)), 1024, true);
  expect(seen.tracks).toEqual([TRACK]);
  expect(units()).toEqual([[1024, 'bb']]);
});

test('a config that is repeated changes nothing, another one changes the track when it comes twice', () => {
  const { seen, depacketizer } = setUp({ cpresent: '1' }, 16_000, 2);
  for (const asc of [LC_8K, LC_8K, HE_16K, LC_8K, HE_16K, HE_16K]) {
    pushHex(depacketizer, packBits([0, 1], ...muxConfig(asc), ...frameFields(0xaa)), 0, true);
  }
  expect(seen.tracks).toMatchObject([{ clockRate: 8_000 }, { clockRate: 16_000, channels: 2 }]);
  expect(seen.units).toHaveLength(4);
  expect(seen.damage).toHaveLength(2);
});

test('after another config, elements that refer to it are left out until it comes again', () => {
  const { seen, depacketizer } = setUp({ cpresent: '1' });
  const element = (asc: typeof LC_8K | undefined, byte: number) =>
    asc ? packBits([0, 1], ...muxConfig(asc), ...frameFields(byte)) : packBits([1, 1], ...frameFields(byte));
  for (const [i, asc] of [LC_8K, undefined, HE_16K, undefined, LC_8K, undefined].entries()) {
    pushHex(depacketizer, element(asc, i), 1024 * i, true);
  }
  expect(seen.tracks).toEqual([TRACK]);
  expect(seen.units.map(({ data }) => data[0])).toEqual([0, 1, 4, 5]);
});

test.for([
  ['with the marker on the last', [false, false, true]],
  ['without marker', [false, false, false]],
] as const)('fragments become one frame, %s', ([, markers]) => {
  const { seen, depacketizer, units } = setUp(OUT_OF_BAND);
  for (const [i, part] of ['05 aabb', 'cc', 'ddee'].entries()) {
    pushHex(depacketizer, part, 500, markers[i]);
  }
  expect(units()).toEqual([[500, 'aabbccddee']]);
  expect(seen.damage).toEqual([]);
});

test('after a lost fragment everything up to the next marker is dropped', () => {
  const { seen, depacketizer, units } = setUp(OUT_OF_BAND);
  pushHex(depacketizer, '05 aabb', 0, false);
  pushHex(depacketizer, 'dd', 0, false, true);
  pushHex(depacketizer, 'ee', 0, true);
  pushHex(depacketizer, '01 ff', 1024, true);
  expect(seen.damage).toEqual(['a fragment of an AAC frame is missing']);
  expect(units()).toEqual([[1024, 'ff']]);
});

test('without fragmentation only the lost packet is missing', () => {
  const { seen, depacketizer, units } = setUp(OUT_OF_BAND);
  pushHex(depacketizer, '01 aa', 0, true);
  pushHex(depacketizer, '01 bb', 2048, true, true);
  expect(units()).toEqual([
    [0, 'aa'],
    [2048, 'bb'],
  ]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['a frame that is longer than its element', '05 aabb', 'after its 3 bytes'],
  ['a size without end', 'ff ff', 'after its 2 bytes'],
  ['a size above 8191', `${'ff'.repeat(40)} 00`, 'at least 10200 bytes'],
] as const)('%s is damage, and the next frame is good', ([, payload, reason]) => {
  const { seen, depacketizer, units } = setUp(OUT_OF_BAND);
  pushHex(depacketizer, payload, 0, true);
  pushHex(depacketizer, '01 cc', 1024, true);
  expect(seen.damage).toEqual([expect.stringContaining(reason)]);
  expect(units()).toEqual([[1024, 'cc']]);
});

test.for([
  ['no config where the SDP should have it', { cpresent: '0' }],
  ['a config that is no StreamMuxConfig', { cpresent: '0', config: '1588' }],
  ['two programs', { config: packBits([0, 1], [1, 1], [0, 6], [1, 4], [0, 3], ...LC_8K, [0, 8]), cpresent: '0' }],
  ['CELP', { config: packBits(...muxConfig([[0x4588, 16]])), cpresent: '0' }],
  [
    'a config of 600 bits',
    { config: packBits([1, 1], [0, 1], [0, 10], ...muxConfig([]).slice(1, 5), [1, 2], [600, 16]), cpresent: '0' },
  ],
] as const)('not supported: %s', ([, fmtp]) => {
  const seen = new Collector();
  expect(createLatmDepacketizer(rtpFormat('MP4A-LATM', 8_000, 1, fmtp), seen)).toBeUndefined();
  expect(seen.tracks).toEqual([]);
});

test('without markers the next timestamp ends an invalid element', () => {
  const { seen, depacketizer, units } = setUp(OUT_OF_BAND);
  pushHex(depacketizer, `${'ff'.repeat(40)} 00`, 0);
  pushHex(depacketizer, '02 aa', 0);
  pushHex(depacketizer, '01 bb', 1024);
  expect(seen.damage).toHaveLength(1);
  expect(units()).toEqual([[1024, 'bb']]);
});

test('fragments that never end are damage before they are 64 kB', () => {
  const config = packBits(...muxConfig(LC_8K, 64));
  const { seen, depacketizer } = setUp({ cpresent: '0', config });
  const first = Uint8Array.from([...new Array(32).fill(0xff), 0, ...new Array(8160).fill(1)]);
  for (let i = 0; i < 9; i += 1) {
    depacketizer.push(first, 0, first.length, 0, false, false);
  }
  expect(seen.units).toEqual([]);
  expect(seen.damage).toEqual(['LATM element: more than 65536 bytes']);
});

test('mutated elements give frames or damage, whether the config is theirs or that of the SDP', () => {
  const next = random(6416);
  for (const fmtp of [OUT_OF_BAND, { cpresent: '1' }]) {
    const { seen, depacketizer } = setUp(fmtp);
    const inBand = packBits([0, 1], ...muxConfig(LC_8K, 2), ...frameFields(1, 2, 3, 4, 5, 6), ...frameFields(7, 8, 9));
    const element = hex(fmtp === OUT_OF_BAND ? `20 ${'ab'.repeat(32)}` : inBand);
    for (let round = 0; round < 10_000; round += 1) {
      const bytes = mutate(element, next);
      depacketizer.push(bytes, 0, bytes.length, round * 1024, next() < 0.9, next() < 0.05);
    }
    expect(seen.units.length).toBeGreaterThan(1_000);
    expect(seen.damage.length).toBeGreaterThan(500);
    expect(Math.max(...seen.units.map(({ data }) => data.length))).toBeLessThan(65_536);
  }
});
