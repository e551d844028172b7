import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrackMotion } from '../../../../agent/features/motion/detection/track-motion.ts';
import { h264Track } from '../../../../agent/media/h264/params.ts';
import { h265Track } from '../../../../agent/media/h265/params.ts';
import type { NalTrack } from '../../../../agent/media/sample/track.ts';
import { PYTHON } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { CODECS, type CodecName, splitPictures } from '../../../quirks/clip.ts';
import { sampleOf } from '../../../support/media/units.ts';

/** A Python with OpenCV, and OpenCV's sample data: apt install python3-opencv opencv-doc. */
const CV_PYTHON = process.env['PERCH_CV_PYTHON'] ?? PYTHON;
export const CV_DATA = process.env['PERCH_CV_DATA'] ?? '/usr/share/doc/opencv-doc/examples/data';
/** Pedestrians and scenes are cut out of the film once per machine. */
const FOLDER = join(tmpdir(), 'perch-motion');
const SCRIPT = join(import.meta.dirname, 'scenes.py');

export type Scene = readonly [kind: string, seed: number, background: string, minutes: number];

/** Ends of the names of what `scenes.py` writes; constant: 256 kbit/s. */
export const ENCODES = {
  crf30: 'h264',
  crf25: 'fine.h264',
  constant: 'constant.h264',
  x265: 'hevc',
  x265constant: 'constant.hevc',
} as const;
export type Encode = keyof typeof ENCODES;

interface Truth {
  /** Seconds from and to. */
  readonly events: readonly (readonly [number, number])[];
  readonly fps: number;
}

export interface CodedScene extends Truth {
  readonly pictures: readonly Uint8Array[];
  readonly track: NalTrack;
}

/** Makes a scene of the judging set, unless it is there, and reads its pictures. */
export async function codedScene([kind, seed, background, minutes]: Scene, encode: Encode): Promise<CodedScene> {
  mkdirSync(FOLDER, { recursive: true });
  const base = join(FOLDER, `${kind}-judge-${seed}`);
  if (!existsSync(`${base}.json`)) {
    const args = [SCRIPT, FOLDER, CV_DATA, 'judge', kind, String(seed), background, String(minutes)];
    const { code, output } = await runProcess(CV_PYTHON, args);
    if (code !== 0) {
      throw new Error(`apt install python3-opencv opencv-doc: ${output.slice(-500)}`);
    }
  }
  const truth: Truth = JSON.parse(readFileSync(`${base}.json`, 'utf8'));
  return { ...truth, ...picturesOf(`${base}.${ENCODES[encode]}`, encode.startsWith('x265') ? 'h265' : 'h264') };
}

/** The samples of a file with delimiters, and their track. */
export function picturesOf(file: string, codec: CodecName): Pick<CodedScene, 'pictures' | 'track'> {
  const { sets, pictures } = splitPictures(CODECS[codec], new Uint8Array(readFileSync(file)));
  const [first, second, third] = sets as [Uint8Array, Uint8Array, Uint8Array];
  const track = codec === 'h264' ? h264Track(first, [second]) : h265Track(first, second, [third]);
  return { pictures: pictures.map((nals) => sampleOf(...nals)), track };
}

/** Seconds from and to of what the detector reports. */
export function detected({ pictures, track, fps }: CodedScene): [number, number][] {
  const motion = new TrackMotion(track);
  const found: [number, number][] = [];
  for (const [i, picture] of pictures.entries()) {
    if (motion.add(picture, (i * 1000) / fps)) {
      const last = found.at(-1);
      if (motion.isMoving) {
        found.push([i / fps, Number.POSITIVE_INFINITY]);
      } else if (last) {
        last[1] = i / fps;
      }
    }
  }
  return found;
}
