import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { createEac3Depacketizer } from './depacketize.ts';
import { packetizeEac3 } from './packetize.ts';
import { EAC3 } from './params.ts';

/** As FFmpeg 5.1 writes them. */
const MONO = '0b77 003f 32 87';
const SURROUND = '0b77 037f 3f 87';

const frame = (header: string, fill: number): Uint8Array => {
  const bytes = hex(header);
  const whole = new Uint8Array(EAC3.parse(bytes, 0, 6).sizeBytes).fill(fill);
  whole.set(bytes);
  return whole;
};

function setUp() {
  const seen = new Collector();
  const depacketizer = createEac3Depacketizer(rtpFormat('EAC3', 48_000, 2, {}), seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  const push = (ticks: number, header: string, ...parts: readonly Uint8Array[]) => {
    const bytes = Uint8Array.from([...hex(header), ...parts.flatMap((part) => [...part])]);
    depacketizer.push(bytes, 0, bytes.length, ticks, false, false);
  };
  return { seen, depacketizer, push, units: () => seen.units.map(({ pts, data }) => [pts, data[6], data.length]) };
}

test.for([
  ['32 kbit/s mono', MONO, 48_000, 1, 128],
  ['448 kbit/s 5.1', SURROUND, 48_000, 6, 1792],
  ['3/2 without low frequencies, 44.1 kHz', '0b77 037f 7e 80', 44_100, 5, 1792],
  ['the largest', '0b77 07ff 3f 87', 48_000, 6, 4096],
] as const)('%s', ([, bytes, sampleRate, channels, sizeBytes]) => {
  expect(EAC3.parse(hex(bytes), 0, 6)).toMatchObject({ sampleRate, channels, sizeBytes, isFurther: false });
});

test.for([
  ['no sync word', '0b78 003f 32 87', 'no sync word'],
  ['AC-3', '0b77 0000 14 40', 'bsid 8'],
  ['a reserved stream type', '0b77 c03f 32 87', 'strmtyp 3'],
  ['half a sample rate', '0b77 003f c2 87', 'fscod 3'],
  ['a frame of one block', '0b77 003f 02 87', 'numblkscod 0'],
  ['five bytes', '0b77 003f 32', '5 bytes'],
] as const)('%s is rejected', ([, bytes, message]) => {
  const data = hex(bytes);
  expect(() => EAC3.parse(data, 0, data.length)).toThrow(message);
});

test('the first frame describes the track as FFmpeg does, and another bit rate does not change it', () => {
  const { seen, push } = setUp();
  push(0, '0001', frame(SURROUND, 1));
  push(1536, '0001', frame('0b77 02ff 3f 87', 1));
  push(3072, '0001', frame(MONO, 1));
  push(4608, '0001', frame(MONO, 1));
  expect(seen.tracks).toEqual([
    { kind: 'audio', codec: 'eac3', clockRate: 48_000, channels: 6, config: hex('0e00 200f00') },
    { kind: 'audio', codec: 'eac3', clockRate: 48_000, channels: 1, config: hex('0100 200200') },
  ]);
});

test('frames of one packet follow each other in time; further substreams are left out', () => {
  const { seen, push, units } = setUp();
  const dependent = frame('0b77 403f 34 87', 8);
  const otherProgram = frame('0b77 083f 32 87', 9);
  push(1000, '0004', frame(MONO, 1), dependent, otherProgram, frame(MONO, 2));
  expect(units()).toEqual([
    [1000, 1, 128],
    [2536, 2, 128],
  ]);
  expect(seen.damage).toEqual([]);
});

test('a fragmented frame without its end is damage, and the next frame is good', () => {
  const { seen, push, units } = setUp();
  push(500, '0102', frame(SURROUND, 7).subarray(0, 900));
  push(2036, '0001', frame(SURROUND, 1));
  expect(seen.damage).toEqual(['a fragment of an E-AC-3 frame is missing']);
  expect(units()).toEqual([[2036, 1, 1792]]);
});

test.for([
  [1440, ['0102', '0102']],
  [700, ['0103', '0103', '0103']],
  [1794, ['0001']],
] as const)('with packets of %i bytes a frame of 1792 is fragmented and reassembled', ([size, headers]) => {
  const whole = frame(SURROUND, 9);
  const sent = payloadsOf((sink) => packetizeEac3(whole, size, true, sink));
  expect(sent.map(({ bytes }) => toHex(bytes.subarray(0, 2)))).toEqual(headers);
  expect(sent.map(({ marker }) => marker)).toEqual(headers.map((_, i) => i === headers.length - 1));
  const { seen, depacketizer } = setUp();
  send(packetizeEac3, whole, 77, depacketizer, size);
  expect(seen.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([[77, toHex(whole)]]);
});

test('random headers make frames of whole words with 1 to 6 channels, or throw a PerchError', () => {
  const next = random(4598);
  let good = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const data = mutate(hex(round % 2 ? MONO : SURROUND), next);
    try {
      const { sizeBytes, channels } = EAC3.parse(data, 0, data.length);
      good += 1;
      expect(sizeBytes % 2 === 0 && sizeBytes >= 2 && sizeBytes <= 4096 && channels >= 1 && channels <= 6).toBe(true);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
    }
  }
  expect(good).toBeGreaterThan(1000);
});
