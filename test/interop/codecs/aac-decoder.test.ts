import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EIGHT_SHORT, INTENSITY_BOOK, NOISE_BOOK, OPPOSITE_BOOK } from '../../../agent/media/aac/decode/channel.ts';
import { AacDecoder, FRAME_SAMPLES } from '../../../agent/media/aac/decode/decoder.ts';
import { FrameReader } from '../../../agent/media/aac/decode/frame.ts';
import { AacEncoder } from '../../../agent/media/aac/encode/encoder.ts';
import { writeAacConfig } from '../../../agent/media/aac/params.ts';
import { CLIPS, clip } from '../../peers/cameras/camera.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { random } from '../../support/base/random.ts';
import { AacFrames } from '../../support/media/aac-frames.ts';
import { adtsFrames, withAdts } from '../../support/media/adts.ts';

const RATES_HZ = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
const ALL = RATES_HZ.flatMap((rateHz) => ([1, 2] as const).map((channels) => [rateHz, channels] as const));
/** A table of bands for each rate: the longest, the shortest, and those of most cameras. */
const CASES = inShort(ALL, '8000 1', '16000 1', '48000 2');
const FULL_SCALE = 32_768;
/** The reference is in floating point of 32 bits: it may round to the other side. */
const MAX_ERROR = 1;

function ours(file: Uint8Array, rateHz: number, channels: number): Int16Array {
  const decoder = new AacDecoder(writeAacConfig(rateHz, channels) ?? new Uint8Array(0));
  const frames = [...adtsFrames(file)];
  const samples = new Int16Array(frames.length * FRAME_SAMPLES * channels);
  const out = new Float32Array(FRAME_SAMPLES * channels);
  for (const [i, frame] of frames.entries()) {
    decoder.decode(frame, out);
    const rounded = out.map((value) => Math.min(Math.round(value * FULL_SCALE), FULL_SCALE - 1));
    samples.set(rounded, i * out.length);
  }
  return samples;
}

function ffmpegs(file: Uint8Array): Int16Array {
  const { stdout, stderr } = spawnSync('ffmpeg', ['-v', 'warning', '-f', 'aac', '-i', '-', '-f', 's16le', '-'], {
    input: file,
    maxBuffer: 1 << 28,
  });
  expect(stderr.toString()).toBe('');
  return new Int16Array(Uint8Array.from(stdout).buffer);
}

/** Both have the same length, differ by at most one step of 16 bits, and are not silent. */
function expectSame(file: Uint8Array, rateHz: number, channels: number): void {
  const [got, wanted] = [ours(file, rateHz, channels), ffmpegs(file)];
  expect(got.length).toBe(wanted.length);
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
  expect(worst).toBeLessThanOrEqual(MAX_ERROR);
  expect(wanted.some((value) => Math.abs(value) > 1000)).toBe(true);
}

const TOOLS = [
  'Kaiser-Bessel windows',
  'escapes',
  'intensity',
  'middle and side',
  'noise shaping',
  'noise substitution',
  'pulses',
  'short windows',
];

/** The tools that the frames of a file use. */
function toolsIn(file: Uint8Array, rateHz: number): Set<string> {
  const reader = new FrameReader(rateHz);
  const tools = new Set<string>();
  for (const frame of adtsFrames(file)) {
    reader.read(frame);
    for (const channel of reader.channels.slice(0, reader.count)) {
      const books = channel.books.subarray(0, channel.groups * channel.bands);
      const found: Record<string, boolean> = {
        'short windows': channel.windowSequence === EIGHT_SHORT,
        'Kaiser-Bessel windows': channel.windowShape === 1,
        'noise substitution': books.includes(NOISE_BOOK),
        intensity: books.includes(INTENSITY_BOOK) || books.includes(OPPOSITE_BOOK),
        'noise shaping': channel.shapers > 0,
        pulses: channel.pulses > 0,
        'middle and side': reader.count === 2 && reader.joint.some((joint) => joint !== 0),
        escapes: books.includes(11),
      };
      for (const tool of Object.keys(found).filter((name) => found[name])) {
        tools.add(tool);
      }
    }
  }
  return tools;
}

/** Sweeping tones, clicks, noise, and voices; left and right are partly correlated. */
const LEFT = '0.3*sin(2*PI*440*t)+0.2*sin(2*PI*(200+900*t)*t)+0.3*random(0)*lt(mod(t\\,0.31)\\,0.01)+0.02*random(1)';
const RIGHT = '0.3*sin(2*PI*440*t)+0.2*sin(2*PI*523*t)+0.4*random(2)*lt(mod(t\\,0.23)\\,0.008)+0.03*random(3)';
const source = (channels: number): string => `aevalsrc=${channels === 2 ? `${LEFT}|${RIGHT}` : LEFT}`;

/** The output of FFmpeg's encoder. */
async function encoded(rateHz: number, channels: number): Promise<Uint8Array> {
  const bitrate = String(Math.round(1.5 * rateHz * channels));
  const input = ['-f', 'lavfi', '-i', `${source(channels)}:s=${rateHz}:d=2`];
  return readFileSync(await clip(`aac-${rateHz}-${channels}.aac`, [...input, '-c:a', 'aac', '-b:a', bitrate]));
}

describeWith(['ffmpeg'], 'the AAC decoder compared with that of FFmpeg', () => {
  test.for(CASES)('decodes random frames of %i Hz with %i channels as ffmpeg does', ([rateHz, channels]) => {
    const frames = new AacFrames(rateHz, random(rateHz + channels));
    const file = Buffer.concat(Array.from({ length: byLength(16, 1000) }, () => frames.adtsFrame(channels)));
    expectSame(file, rateHz, channels);
  });

  test.for(CASES)(
    "decodes the output of ffmpeg's encoder at %i Hz with %i channels as ffmpeg does",
    async ([rateHz, channels]) => {
      expectSame(await encoded(rateHz, channels), rateHz, channels);
    },
  );

  test("ffmpeg's encoder uses every tool except pulses", async () => {
    const tools = new Set<string>();
    for (const [rateHz, channels] of CASES) {
      for (const tool of toolsIn(await encoded(rateHz, channels), rateHz)) {
        tools.add(tool);
      }
    }
    expect([...tools].sort()).toEqual(TOOLS.filter((tool) => tool !== 'pulses'));
  });

  test('random frames use every tool', () => {
    const frames = new AacFrames(48_000, random(1));
    const file = Buffer.concat(Array.from({ length: 20 }, () => frames.adtsFrame(2)));
    expect([...toolsIn(file, 48_000)].sort()).toEqual(TOOLS);
  });
});

const VISUAL_ON = [
  [8_000, 1],
  [16_000, 1],
  [44_100, 2],
  [48_000, 2],
] as const;

describeWith(['ffmpeg', 'gstreamer'], "the AAC decoder with VisualOn's encoder", () => {
  test.for(inShort(VISUAL_ON, '16000 1', '44100 2'))(
    'decodes its %i Hz with %i channels as ffmpeg does',
    async ([rateHz, channels]) => {
      const wave = await clip(`aac-source-${rateHz}-${channels}.wav`, [
        ...['-f', 'lavfi', '-i', `${source(channels)}:s=${rateHz}:d=2`],
      ]);
      const file = `${CLIPS}/aac-visualon-${rateHz}-${channels}.aac`;
      const pipeline = `filesrc location=${wave} ! wavparse ! audioconvert ! voaacenc ! aacparse ! audio/mpeg,stream-format=adts ! filesink location=${file}`;
      const { code } = await runProcess('gst-launch-1.0', ['-q', ...pipeline.split(' ')]);
      expect(code).toBe(0);
      expectSame(readFileSync(file), rateHz, channels);
    },
  );
});

describeWith(['ffmpeg'], "our own encoder's frames", () => {
  test.for([8_000, 16_000, 44_100])('of %i Hz are decoded by ffmpeg as by us', (rateHz) => {
    const encoder = new AacEncoder(rateHz);
    const next = random(rateHz);
    const frames = Array.from({ length: 60 }, (_, frame) =>
      encoder.encode(
        Float32Array.from({ length: FRAME_SAMPLES }, (_unused, i) => {
          const at = (2 * Math.PI * (frame * FRAME_SAMPLES + i)) / rateHz;
          return 0.4 * Math.sin(440 * at) + 10 ** -(1 + (frame % 4)) * (next() - 0.5);
        }),
      ),
    );
    expectSame(Buffer.concat(frames.map((frame) => withAdts(frame, rateHz, 1))), rateHz, 1);
  });
});
