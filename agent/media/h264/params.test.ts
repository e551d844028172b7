import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { H264_PPS, H264_SPS } from '../../../test/support/media/tiny-streams.ts';
import { hex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { h264Track, parseH264Pps, parseH264Sps } from './params.ts';

const HIGH_1080P25 = '67640028acd940780227e5c044000003000400000300c83c60c658';
const INTERLACED_1080I25 = '67640028acd94078044fde0220000003002000000643e2c5b2c0';
const BASELINE_360P15 = '6742c016d900a02ff970110000030001000003001e0f162e48';

test.for([
  [
    'High, cropped to 1080 lines',
    HIGH_1080P25,
    { profileIdc: 100, levelIdc: 40, width: 1920, height: 1080, fps: 25, isFrameOnly: true, maxReorderFrames: 2 },
  ],
  ['High, interlaced', INTERLACED_1080I25, { width: 1920, height: 1080, fps: 25, isFrameOnly: false }],
  [
    'Baseline, which has no B-frames',
    BASELINE_360P15,
    { profileIdc: 66, constraints: 0xc0, levelIdc: 22, width: 640, height: 360, fps: 15, maxReorderFrames: 0 },
  ],
  [
    'High, tiny',
    H264_SPS,
    { width: 64, height: 64, fps: 25, maxReorderFrames: 2, pocType: 0, chromaFormatIdc: 1, bitDepthLuma: 8 },
  ],
  ['bytes after it, as Reolink sends', `${BASELINE_360P15} ab cd ef 01`, { width: 640, height: 360 }],
  ['its VUI cut off', BASELINE_360P15.slice(0, 26), { width: 640, height: 360, fps: undefined, maxReorderFrames: 0 }],
] as const)('an SPS: %s', ([, sps, expected]) => {
  expect(parseH264Sps(hex(sps))).toMatchObject(expected);
});

test('picture order type 2 decodes in output order, so nothing is reordered', () => {
  // Main profile, 320x240, pic_order_cnt_type 2, no VUI: 1 (id) 1 (frame num) 011 (type 2) 010 (refs) 0, 00010100 - 1 wide …
  const bits = `1 1 011 010 0 000010100 0001111 1 1 0 0 1`;
  expect(parseH264Sps(spsOf(77, bits))).toMatchObject({ pocType: 2, maxReorderFrames: 0, width: 320, height: 240 });
});

test('picture order type 1 with its list of offsets', () => {
  // delta_pic_order_always_zero_flag 1, offsets 0 0, two offsets in the cycle: 1 and -1
  const bits = `1 1 010 1 1 1 011 010 011 010 0 000010100 0001111 1 1 0 0 1`;
  expect(parseH264Sps(spsOf(77, bits))).toMatchObject({
    pocType: 1,
    maxReorderFrames: undefined,
    width: 320,
    height: 240,
  });
});

test('High 4:4:4 with scaling lists, separate planes and 10 bits', () => {
  const lists = `1 ${'0 '.repeat(11)} 1 ${'1 '.repeat(64)}`;
  const color = `00100 1 011 011 0 ${lists}`;
  const bits = `1 ${color} 1 1 1 010 0 000010100 0001111 1 1 0 0 1`;
  const expected = {
    chromaFormatIdc: 3,
    hasSeparatePlanes: true,
    bitDepthLuma: 10,
    bitDepthChroma: 10,
    width: 320,
    height: 240,
  };
  expect(parseH264Sps(spsOf(244, bits))).toMatchObject(expected);
});

test.for([
  ['nothing', '', 'not an H.264 SPS'],
  ['a PPS', H264_PPS, 'not an H.264 SPS'],
  ['an SPS of four bytes', '67640028', 'bits end too early'],
] as const)('rejects %s', ([, sps, message]) => {
  expect(() => parseH264Sps(hex(sps))).toThrow(message);
});

test('rejects a picture that is empty after cropping', () => {
  const bits = `1 1 011 010 0 1 1 1 1 1 00000100000 1 1 1 0 1`;
  expect(() => parseH264Sps(spsOf(77, bits))).toThrow(/SPS has a picture of -?\d+ x 16 pixels/);
});

test('a PPS says which SPS it belongs to', () => {
  expect(parseH264Pps(hex('68cb83cb20'))).toMatchObject({ id: 0, spsId: 0 });
  expect(parseH264Pps(hex('68 4680'))).toMatchObject({ id: 1, spsId: 5 });
});

test('a track has size and frame rate of its SPS', () => {
  const sps = hex(HIGH_1080P25);
  const pps = [hex('68ebe3cb22c0')];
  expect(h264Track(sps, pps)).toEqual({
    kind: 'video',
    codec: 'h264',
    clockRate: 90_000,
    width: 1920,
    height: 1080,
    fps: 25,
    sps,
    pps,
  });
});

test('thousands of damaged sets give parameters or a PerchError', () => {
  const next = random(264);
  const seeds = [HIGH_1080P25, INTERLACED_1080I25, BASELINE_360P15, H264_SPS].map(hex);
  for (let round = 0; round < 8000; round += 1) {
    const sps = Uint8Array.from(seeds[round % seeds.length] ?? []);
    for (let flips = 1 + Math.floor(next() * 4); flips > 0; flips -= 1) {
      sps[1 + Math.floor(next() * (sps.length - 1))] = Math.floor(next() * 256);
    }
    const cut = sps.subarray(0, 1 + Math.floor(next() * sps.length));
    try {
      const { width, height } = parseH264Sps(next() < 0.5 ? sps : cut);
      expect(Math.min(width, height)).toBeGreaterThan(0);
      expect(Math.max(width, height)).toBeLessThanOrEqual(16_384);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

/** An SPS of this profile at level 4.0 with these bits after level_idc. */
function spsOf(profileIdc: number, bits: string): Uint8Array {
  const text = bits.replaceAll(' ', '').padEnd(400, '0');
  const bytes = (text.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  return Uint8Array.of(0x67, profileIdc, 0, 40, ...escapeZeros(bytes));
}

function escapeZeros(bytes: readonly number[]): number[] {
  const escaped: number[] = [];
  for (const byte of bytes) {
    if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) {
      escaped.push(3);
    }
    escaped.push(byte);
  }
  return escaped;
}
