import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { H265_PPS, H265_SPS, H265_VPS } from '../../../test/support/media/tiny-streams.ts';
import { hex, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { h265Track, parseH265Pps, parseH265Sps, parseH265VpsId } from './params.ts';

const MAIN10_1080P25 = '420101022000000300900000030000030078a003c08010e4d96566924caf016808000003000800000300c840';
const MAIN_720P30_LISTS = '42010101600000030090000003000003005da00280802d165959a49395e02d010000030001000003001e08';

test('an SPS holds all that hvcC repeats', () => {
  const { profile, ...rest } = parseH265Sps(hex(MAIN10_1080P25));
  expect(rest).toEqual({
    id: 0,
    vpsId: 0,
    subLayers: 1,
    isTemporalIdNested: true,
    chromaFormatIdc: 1,
    hasSeparatePlanes: false,
    bitDepthLuma: 10,
    bitDepthChroma: 10,
    pocLsbBits: 8,
    width: 1920,
    height: 1080,
    fps: 25,
    maxReorderFrames: 2,
    treeUnits: 510,
    coded: { width: 1920, height: 1080 },
    slices: {
      treeUnitBits: 6,
      hasAdaptiveOffset: true,
      shortTermSets: [],
      longTermPictures: undefined,
      hasTemporalMotionVectors: true,
    },
  });
  expect({ ...profile, constraints: toHex(profile.constraints) }).toEqual({
    space: 0,
    isHighTier: false,
    profileIdc: 2,
    compatibility: 0x2000_0000,
    constraints: '900000000000',
    levelIdc: 120,
  });
});

test.for([
  ['scaling lists switched on', MAIN_720P30_LISTS, { width: 1280, height: 720, fps: 30, bitDepthLuma: 8 }],
  ['64 x 64 pixels', H265_SPS, { width: 64, height: 64, fps: 25 }],
  ['its end cut off', MAIN_720P30_LISTS.slice(0, 56), { width: 1280, height: 720, fps: undefined }],
] as const)('an SPS with %s', ([, sps, expected]) => {
  expect(parseH265Sps(hex(sps))).toMatchObject(expected);
});

/** Main profile, level 3.1, 640x360, 8 bits of picture order count, no reordering, smallest block sizes. */
const PROFILE = `00 0 00001 ${bits32(0x6000_0000)} ${'0'.repeat(48)} 01011101`;
const HEAD = `0000 000 1 ${PROFILE} 1 010 ${ue(640)} ${ue(360)} 0 1 1 00101 1 1 1 1 111111`;
const NO_LISTS_AND_PCM = '0 00 0';
const NO_REFERENCES = '1 0';
const VUI_30_FPS = `1 0 0 0 0 000 0 1 ${bits32(1)} ${bits32(30)}`;

const NOT_CODED = '0 1 ';
const CODED_16 = `1 ${'1'.repeat(16)} `;
const CODED_64 = `1 1 ${'1'.repeat(64)} `;
const LISTS = `${CODED_16}${NOT_CODED.repeat(11)}${CODED_64}${NOT_CODED.repeat(5)}${NOT_CODED}${CODED_64}`;

// A set of one earlier and one later picture; twice a set predicted from it.
const REFERENCE_SETS = '00100  010 010 1 1 1 1  1 1 1  1 01 1  1 1 1  1 1 00  0';

test.for([
  ['reference sets made from others', `${NO_LISTS_AND_PCM} ${REFERENCE_SETS}`],
  ['explicit scaling lists', `1 1 ${LISTS} 00 0 ${NO_REFERENCES}`],
  ['PCM', `0 00 1 01110111 1 1 0 ${NO_REFERENCES}`],
  ['long-term references', `${NO_LISTS_AND_PCM} 1 1 011 00000001 1 00000010 0`],
] as const)('the frame rate is found after %s', ([, middle]) => {
  expect(parseH265Sps(spsOf(`${HEAD} ${middle} 00 ${VUI_30_FPS}`))).toMatchObject({ width: 640, height: 360, fps: 30 });
});

test.for([
  ['nothing', '', 'not an H.265 SPS'],
  ['a PPS', H265_PPS, 'not an H.265 SPS'],
  ['a cut SPS', MAIN10_1080P25.slice(0, 40), 'bits end too early'],
  ['eight sub-layers', `4201 0f ${MAIN10_1080P25.slice(6)}`, 'SPS has 8 sub-layers'],
] as const)('rejects %s', ([, sps, message]) => {
  expect(() => parseH265Sps(hex(sps))).toThrow(message);
});

test('VPS and PPS are read with their ids', () => {
  expect(parseH265VpsId(hex(H265_VPS))).toBe(0);
  expect(parseH265Pps(hex(H265_PPS))).toEqual({
    id: 0,
    spsId: 0,
    hasDependentSlices: false,
    hasOutputFlag: false,
    extraSliceHeaderBits: 0,
    slices: {
      hasCabacInitFlag: false,
      listEntries: [1, 1],
      initQp: 26,
      isWeighted: true,
      isWeightedBi: false,
      hasListModification: false,
    },
  });
  // Ids 010 and 011, no dependent slices, output flag, 3 extra bits.
  expect(parseH265Pps(hex('4401 4d 60'))).toEqual({
    id: 1,
    spsId: 2,
    hasDependentSlices: false,
    hasOutputFlag: true,
    extraSliceHeaderBits: 3,
    slices: undefined,
  });
});

test('a track has size and frame rate of its SPS', () => {
  const [vps, sps, pps] = [hex(H265_VPS), hex(MAIN10_1080P25), [hex(H265_PPS)]];
  const expected = {
    kind: 'video',
    codec: 'h265',
    clockRate: 90_000,
    width: 1920,
    height: 1080,
    fps: 25,
    vps,
    sps,
    pps,
  };
  expect(h265Track(vps, sps, pps)).toEqual(expected);
});

test('thousands of damaged sets give parameters or a PerchError', () => {
  const next = random(265);
  const seeds = [MAIN10_1080P25, MAIN_720P30_LISTS, H265_SPS].map(hex);
  for (let round = 0; round < 8000; round += 1) {
    const sps = Uint8Array.from(seeds[round % seeds.length] ?? []);
    for (let flips = 1 + Math.floor(next() * 4); flips > 0; flips -= 1) {
      sps[2 + Math.floor(next() * (sps.length - 2))] = Math.floor(next() * 256);
    }
    const cut = sps.subarray(0, 1 + Math.floor(next() * sps.length));
    try {
      const { width, height } = parseH265Sps(next() < 0.5 ? sps : cut);
      expect(Math.min(width, height)).toBeGreaterThan(0);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

function ue(value: number): string {
  const bits = (value + 1).toString(2);
  return '0'.repeat(bits.length - 1) + bits;
}

function bits32(value: number): string {
  return value.toString(2).padStart(32, '0');
}

function spsOf(bits: string): Uint8Array {
  const text = bits.replaceAll(' ', '').padEnd(1200, '0');
  const escaped: number[] = [];
  for (const byte of (text.match(/.{8}/g) ?? []).map((part) => Number.parseInt(part, 2))) {
    if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) {
      escaped.push(3);
    }
    escaped.push(byte);
  }
  return Uint8Array.of(0x42, 0x01, ...escaped);
}
