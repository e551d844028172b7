import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { MPEG4_CONFIG, mpeg4Video } from '../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../base/errors.ts';
import { packetizeUnchanged } from '../payload/packetizer.ts';
import { VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import { Mpeg4VideoDepacketizer } from './depacketize.ts';
import { parseVideoObjectLayer, profileLevelOf } from './params.ts';

const CONFIG = toHex(MPEG4_CONFIG);
/** group_of_vop at 00:00:00; VOP headers: kind (2), modulo_time_base, marker, increment of 5 bits, marker, coded. */
const GROUP = '000001b3 00100700';
const vop = (kind: 'I' | 'P' | 'B', second: number, increment: number, timeBits = 5): string => {
  const time = increment.toString(2).padStart(timeBits, '0');
  const bits = `${{ I: '00', P: '01', B: '10' }[kind]}${'1'.repeat(second)}01${time}11`;
  const bytes = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0').match(/.{8}/g) ?? [];
  return `000001b6 ${bytes.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, '0')).join('')} aabb`;
};
/** group_of_vop at a second of the first minute: hours, minutes, marker, seconds, closed, not broken. */
const groupAt = (second: number): string => {
  const bits = `${'0'.repeat(11)}1${second.toString(2).padStart(6, '0')}10`.padEnd(24, '0');
  return `000001b3 ${Number.parseInt(bits, 2).toString(16).padStart(6, '0')}`;
};
/** The layer of ffmpeg's encoder with B-VOPs: Advanced Simple, no low delay. */
const REORDERED = '000001b0f1000001b5a913000001000000012008d48d0800cd0a041e14103f';

/** Advanced Simple with 24,000/1001 frames/s: a frame lasts 3753.75 ticks. */
const REORDERED_24 = '0000012008845770307d30a041e1';

function setUp(config = CONFIG) {
  const seen = new Collector();
  const format = rtpFormat('MP4V-ES', 90_000, 1, config === '' ? {} : { config: config.toUpperCase() });
  return { seen, depacketizer: new Mpeg4VideoDepacketizer(format, seen) };
}

test.for([
  ['ffmpeg, Simple', CONFIG, { timeResolution: 25, timeBits: 5, mayReorder: false, width: 320, height: 240 }],
  ['ffmpeg, Advanced Simple', REORDERED, { timeResolution: 25, mayReorder: true, width: 320, height: 240 }],
  [
    'Xvid at 29.97 frames/s',
    '000001b0f5000001b509000001000000012008bc040685d4c307d30a041e1463',
    { timeResolution: 30_000, timeBits: 15, fixedIncrement: 1001, mayReorder: true, width: 320, height: 240 },
  ],
] as const)('the layer of %s', ([, config, layer]) => {
  expect(parseVideoObjectLayer(hex(config))).toMatchObject(layer);
});

test('the profile is that of the sequence, or Simple at level 1', () => {
  expect([profileLevelOf(hex('000001b0f5')), profileLevelOf(hex('00000120'))]).toEqual([0xf5, 1]);
});

test.for([
  ['no layer', '000001b001'],
  ['a layer that is cut off', '0000012000c488'],
  ['a time resolution of 0', '00000120 0084400000 20 00'],
  ['an arbitrary shape', '00000120 0084c80320'],
] as const)('%s is refused', ([, config]) => {
  expect(() => parseVideoObjectLayer(hex(config))).toThrow(PerchError);
  expect(setUp(config).seen.tracks).toEqual([]);
});

test('the SDP makes the track known', () => {
  expect(setUp().seen.tracks).toEqual([mpeg4Video]);
});

test('a VOP is delivered with its headers; I-VOPs are key frames', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${GROUP} ${vop('I', 0, 0)}`, 0);
  pushHex(depacketizer, '0102', 0, true);
  pushHex(depacketizer, vop('P', 0, 1), 3600, true);
  expect(seen.units.map(({ pts, dts, key, data }) => [pts, dts, key, toHex(data)])).toEqual([
    [0, 0, true, toHex(hex(`${GROUP} ${vop('I', 0, 0)} 0102`))],
    [3600, 3600, false, toHex(hex(vop('P', 0, 1)))],
  ]);
});

test('without SDP the configuration is taken in band; the same again changes nothing', () => {
  const { seen, depacketizer } = setUp('');
  pushHex(depacketizer, vop('I', 0, 0), 0, true);
  pushHex(depacketizer, `${CONFIG} ${GROUP} ${vop('I', 0, 0)}`, 3600, true);
  pushHex(depacketizer, `${CONFIG} ${GROUP} ${vop('I', 0, 0)}`, 7200, true);
  expect(seen.tracks).toEqual([mpeg4Video]);
  expect(seen.units.map(({ pts }) => pts)).toEqual([3600, 7200]);
});

test('a configuration with its own packet and timestamp applies to the following VOPs', () => {
  const { seen, depacketizer } = setUp('');
  pushHex(depacketizer, CONFIG, 0, true);
  pushHex(depacketizer, vop('I', 0, 0), 3600, true);
  expect(seen.tracks).toEqual([mpeg4Video]);
  expect(seen.units.map(({ pts }) => pts)).toEqual([3600]);
});

test('another layer in band is a new description', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${REORDERED} ${vop('I', 0, 0)}`, 0, true);
  expect(seen.tracks).toHaveLength(2);
  expect(seen.tracks[1]).toMatchObject({ config: hex(REORDERED) });
});

test('B-VOPs get decode times in the order of arrival', () => {
  const { seen, depacketizer } = setUp(REORDERED);
  const times: [kind: 'I' | 'P' | 'B', frame: number][] = [
    ['I', 0],
    ['P', 3],
    ['B', 1],
    ['B', 2],
    ['P', 6],
    ['B', 4],
    ['B', 5],
    ['I', 9],
    ['B', 7],
    ['B', 8],
  ];
  for (const [kind, frame] of times) {
    pushHex(depacketizer, vop(kind, 0, frame), 90_000 + frame * 3600, true);
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ pts }) => (pts - 90_000) / 3600)).toEqual(times.map(([, frame]) => frame));
  for (const [i, { pts, dts }] of seen.units.entries()) {
    expect(dts).toBeLessThanOrEqual(pts);
    expect(dts).toBeGreaterThan(seen.units[i - 1]?.dts ?? Number.NEGATIVE_INFINITY);
  }
});

test('B-VOPs that first appear in a later group cost no frame', () => {
  const { seen, depacketizer } = setUp(REORDERED);
  const still = [
    ['I', 0],
    ['P', 1],
    ['P', 2],
  ] as const;
  const moving = [
    ['I', 0],
    ['P', 2],
    ['B', 1],
  ] as const;
  const groups = [still, still, moving, still, moving];
  for (const [second, vops] of groups.entries()) {
    for (const [kind, frame] of vops) {
      const header = kind === 'I' ? groupAt(second) : '';
      pushHex(depacketizer, `${header} ${vop(kind, 0, frame)}`, second * 90_000 + frame * 3600, true);
    }
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ pts }) => (pts % 90_000) / 3600)).toEqual(groups.flat().map(([, frame]) => frame));
});

test('decode times are whole ticks at any frame rate', () => {
  const { seen, depacketizer } = setUp(REORDERED_24);
  const send = (kind: 'I' | 'P' | 'B', frame: number, gap = false) =>
    pushHex(depacketizer, vop(kind, 0, frame * 1001, 15), 90_000 + Math.round(frame * 3753.75), true, gap);
  send('I', 0);
  send('P', 2);
  send('B', 1);
  send('I', 3, true);
  expect(seen.units.map(({ dts }) => Number.isInteger(dts))).toEqual([true, true, true, true]);
});

test('B-VOPs before the first I-VOP refer to missing frames and are dropped', () => {
  const { seen, depacketizer } = setUp(REORDERED);
  pushHex(depacketizer, vop('I', 0, 9), 32_400, true);
  pushHex(depacketizer, vop('B', 0, 7), 25_200, true);
  pushHex(depacketizer, vop('B', 0, 8), 28_800, true);
  pushHex(depacketizer, vop('P', 0, 10), 36_000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([32_400, 36_000]);
});

test('small VOPs that share a packet are delivered separately, each with its timestamp', () => {
  const { seen, depacketizer } = setUp(REORDERED);
  pushHex(depacketizer, `${GROUP} ${vop('I', 0, 0)}`, 90_000, true);
  pushHex(depacketizer, vop('P', 0, 3), 100_800, true);
  pushHex(depacketizer, `${vop('B', 0, 1)} ${vop('B', 0, 2)}`, 93_600, true);
  pushHex(depacketizer, `${vop('P', 0, 6)}`, 111_600);
  pushHex(depacketizer, '0102', 111_600, true);
  expect(seen.units.map(({ pts, data }) => [pts, data.length])).toEqual([
    [90_000, 16],
    [100_800, 8],
    [93_600, 8],
    [97_200, 8],
    [111_600, 10],
  ]);
});

test('after a gap no VOP is delivered until the next I-VOP', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, vop('I', 0, 0), 0, true);
  pushHex(depacketizer, vop('P', 0, 1), 3600, true, true);
  pushHex(depacketizer, vop('P', 0, 2), 7200, true);
  pushHex(depacketizer, vop('I', 0, 3), 10_800, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 10_800]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('without markers the next timestamp ends the VOP', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, vop('I', 0, 0), 0);
  pushHex(depacketizer, 'ccdd', 0);
  pushHex(depacketizer, vop('P', 0, 1), 3600);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual([toHex(hex(`${vop('I', 0, 0)} ccdd`))]);
});

test.for([100, 1188, 1189, 5000])('a VOP of %i bytes survives the round trip', (bytes) => {
  const next = random(bytes);
  const unit = Uint8Array.from({ length: bytes }, () => 1 + next() * 255);
  unit.set(hex(vop('I', 0, 0)));
  const payloads = payloadsOf((sink) => packetizeUnchanged(unit, 1188, true, sink));
  expect(payloads.map(({ marker }) => marker)).toEqual([...payloads.slice(1).map(() => false), true]);
  const { seen, depacketizer } = setUp();
  send(packetizeUnchanged, unit, 0, depacketizer, 1188);
  expect(seen.units[0]?.data).toEqual(unit);
});

test('a configuration in band beyond the limit is damage, because each SDP would contain it', () => {
  const { seen, depacketizer } = setUp('');
  const unit = hex(`${CONFIG} 000001b2 ${'41'.repeat(5000)} ${vop('I', 0, 0)}`);
  depacketizer.push(unit, 0, unit.length, 0, true, false);
  expect([seen.tracks, seen.units]).toEqual([[], []]);
});

test('a VOP hours after the last is damage, and VOPs of a packet are seconds apart at most', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, vop('I', 0, 0), 0, true);
  pushHex(depacketizer, `${vop('P', 0, 1)} ${vop('P', 3000, 2)} ${vop('P', 0, 3)}`, 3600, true);
  pushHex(depacketizer, vop('P', 5000, 1), 9000, true);
  pushHex(depacketizer, vop('I', 0, 2), 10_800, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([0, 3600, 3601, 7200, 10_800]);
  expect(seen.damage).toEqual(['VOP of more than 3600 s after the last']);
});

test('a VOP beyond the limit is dropped', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, vop('I', 0, 0), 0, true);
  pushHex(depacketizer, vop('I', 0, 0), 3600);
  const megabyte = new Uint8Array(1 << 20);
  for (let i = 0; i < 8; i += 1) {
    depacketizer.push(megabyte, 0, megabyte.length, 3600, i === 7, false);
  }
  expect(seen.units).toHaveLength(1);
  expect(seen.damage).toEqual([`frame is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`]);
});

test('mutated packets give VOPs or damage; decode times never run backwards', () => {
  const next = random(6416);
  for (const config of [CONFIG, REORDERED]) {
    const { seen, depacketizer } = setUp(config);
    for (let round = 0; round < 10_000; round += 1) {
      const frame =
        round % 5 === 0 ? `${config} ${GROUP} ${vop('I', 0, 0)}` : vop(round % 3 === 0 ? 'B' : 'P', 0, round % 25);
      const packet = mutate(hex(round % 7 === 0 ? frame + frame : frame), next);
      depacketizer.push(packet, 0, packet.length, round * 3600, next() < 0.9, next() < 0.05);
    }
    expect(seen.units.length).toBeGreaterThan(500);
    for (const [i, { pts, dts }] of seen.units.entries()) {
      expect(dts <= pts && dts > (seen.units[i - 1]?.dts ?? Number.NEGATIVE_INFINITY)).toBe(true);
    }
  }
});

test('mutated configurations are read or rejected with a PerchError', () => {
  const next = random(20);
  for (let round = 0; round < 20_000; round += 1) {
    try {
      expect(parseVideoObjectLayer(mutate(hex(REORDERED), next)).width).toBeLessThan(8192);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
