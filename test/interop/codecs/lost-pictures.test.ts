import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { H264Depacketizer } from '../../../agent/media/h264/depacketize.ts';
import { H265Depacketizer } from '../../../agent/media/h265/depacketize.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../../../agent/media/payload/nal.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { CODECS, type CodecName, codedPictures } from '../../quirks/clip.ts';
import { random } from '../../support/base/random.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';
import { Collector, rtpFormat } from '../../support/media/units.ts';

const FRAME_TICKS = 3600;
const RUNS = byLength(3, 20);
const START_CODE = Uint8Array.of(0, 0, 0, 1);
const X264 = 'scenecut=0:threads=1';
const X265 = 'log-level=error:pools=1:frame-threads=1:scenecut=0';

/**
 * `least`: the share of the decodable pictures between key pictures that the depacketizer passes on. An H.264 slice names fewer of its
 * references than an H.265 slice, so some of its decodable pictures are dropped.
 */
const ENCODERS: readonly (readonly [name: string, codec: CodecName, parameters: string, least: number])[] = [
  [
    'H.265 with B-frames that others refer to',
    'h265',
    `${X265}:bframes=3:b-adapt=0:b-pyramid=1:ref=3:open-gop=0:keyint=50`,
    0.98,
  ],
  ['H.265 with open groups', 'h265', `${X265}:bframes=3:b-adapt=0:b-pyramid=1:ref=3:open-gop=1:keyint=30`, 0.98],
  [
    'H.265 with slices and plain B-frames',
    'h265',
    `${X265}:bframes=2:b-adapt=0:b-pyramid=0:slices=2:ctu=16:keyint=25`,
    0.98,
  ],
  ['H.265 without B-frames', 'h265', `${X265}:bframes=0:ref=4:keyint=50`, 0.98],
  [
    'H.264 with B-frames that others refer to',
    'h264',
    `${X264}:bframes=3:b-adapt=0:b-pyramid=normal:ref=3:keyint=50`,
    0.75,
  ],
  ['H.264 with plain B-frames', 'h264', `${X264}:bframes=2:b-adapt=0:b-pyramid=none:keyint=25`, 0.98],
];

/** Digests of the decoded pictures in display order, and the decoder's warnings. */
async function decode(file: string): Promise<{ readonly pictures: readonly string[]; readonly complaints: string }> {
  const plain = ['-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const { output } = await runProcess('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, ...plain]);
  const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const pictures = lines.filter((line) => line.startsWith('0,'));
  return {
    pictures: pictures.map((line) => line.split(',').at(-1)?.trim() ?? ''),
    complaints: lines.filter((line) => !line.startsWith('0,')).join('\n'),
  };
}

function nalsOf(data: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += NAL_LENGTH_BYTES + readNalLength(data, at)) {
    nals.push(data.subarray(at + NAL_LENGTH_BYTES, at + NAL_LENGTH_BYTES + readNalLength(data, at)));
  }
  return nals;
}

describeWith(['ffmpeg'], 'pictures that are given on after a loss', () => {
  test.for(inShort(ENCODERS, 'H.265 with B-frames that others refer to', 'H.264 with plain B-frames'))(
    'decode to exactly the sent pictures: %s',
    async ([, codecName, parameters, least]) => {
      using folder = temporaryFolder();
      const codec = CODECS[codecName];
      const name = parameters.replaceAll(/\W+/g, '-');
      const file = await clip(`lost-${name}.${codecName}`, [
        ...['-f', 'lavfi', '-i', 'testsrc2=s=160x128:r=25,noise=alls=20:allf=t', '-t', '8', '-pix_fmt', 'yuv420p'],
        ...['-c:v', codec.encoder, '-preset', 'fast', `-${codec.encoder.slice(3)}-params`, parameters],
        ...['-bsf:v', codec.delimited, '-f', codec.format],
      ]);
      const { sets, pictures } = await codedPictures(codec, file);
      const whole = (await decode(file)).pictures;
      expect(whole).toHaveLength(pictures.length);
      const sent = new Set(whole);
      let passedOn = 0;
      let intact = 0;
      for (let seed = 1; seed <= RUNS; seed += 1) {
        const next = random(seed);
        const seen = new Collector();
        const format = rtpFormat(codec.encoding, 90_000, 0, {});
        const depacketizer =
          codecName === 'h264' ? new H264Depacketizer(format, seen) : new H265Depacketizer(format, seen);
        const received: Uint8Array[] = [];
        let isGap = false;
        for (const [i, { nals, shown }] of pictures.entries()) {
          if (i > 0 && next() < 0.05) {
            isGap = true;
            continue;
          }
          received.push(...sets, ...nals);
          for (const [n, nal] of [...sets, ...nals].entries()) {
            const isLast = n === sets.length + nals.length - 1;
            depacketizer.push(nal, 0, nal.length, shown * FRAME_TICKS, isLast, isGap);
            isGap = false;
          }
        }
        const given = seen.units.map(({ data }) => nalsOf(data));
        const stream = join(folder.path, `lossy.${codecName}`);
        const decodeNals = (nals: readonly Uint8Array[]) => {
          writeFileSync(stream, Buffer.concat(nals.flatMap((nal) => [START_CODE, nal])));
          return decode(stream);
        };
        const decoded = await decodeNals([...sets, ...given.flat()]);
        const order = seen.units.map(({ pts }) => Math.round(pts / FRAME_TICKS)).sort((a, b) => a - b);
        expect(decoded.complaints).toBe('');
        expect(decoded.pictures).toEqual(order.map((place) => whole[place]));
        const keys = seen.units.filter(({ key }) => key).length;
        passedOn += seen.units.length - keys;
        intact += (await decodeNals(received)).pictures.filter((picture) => sent.has(picture)).length - keys;
      }
      expect(passedOn / intact).toBeGreaterThan(least);
    },
  );
});
