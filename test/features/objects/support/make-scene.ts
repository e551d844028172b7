import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { random } from '../../../support/base/random.ts';
import { CUT_OUTS, type CutOutName, rawPictures, type Sprite, sprite } from './cut-outs.ts';
import { WEATHER } from './disturbances.ts';
import { CACHE, type FootageName, footage } from './footage.ts';
import { FPS, Frame, HEIGHT, Noise, WIDTH } from './frame.ts';
import type { Presence, Scene } from './scenes.ts';

/** Changes with what is drawn: scenes of another version are made again. */
const VERSION = 1;
const WHOLE_HEIGHTS = [55, 80, 120, 180];
const HALF_HEIGHTS = [130, 190, 250];
const LEAD_SECONDS = 18;
const PAUSE_SECONDS = 11;
/** Pixels per second. */
const SPEEDS = [60, 90] as const;

export interface MadeScene {
  /** H.264 with access unit delimiters, one slice for each picture. */
  readonly file: string;
  readonly scene: Scene;
  readonly presences: readonly Presence[];
}

interface Passage extends Presence {
  readonly sprite: Sprite;
  readonly fromLeft: boolean;
  readonly y: number;
  readonly speed: number;
}

/** Where its left edge is. It passes from edge to edge. */
const leftOf = ({ sprite: { width }, fromLeft, speed, fromS }: Passage, second: number): number => {
  const way = (second - fromS) * speed;
  return Math.round(fromLeft ? way - width : WIDTH - way);
};

/** The smaller, the farther away and the higher in the picture. */
function feetOf(background: FootageName, height: number): number {
  const [far, near] = [background === 'street' ? 266 : 340, HEIGHT - 12];
  return Math.round(far + (near - far) * Math.min(1, (height - 55) / 125));
}

async function passagesOf({ background, cast, seconds, most = 99 }: Scene, next: () => number): Promise<Passage[]> {
  const one = <T>(of: readonly T[]): T => of[Math.floor(of.length * next())] as T;
  const passages: Passage[] = [];
  for (let fromS = LEAD_SECONDS, order: CutOutName[] = []; cast.length > 0 && passages.length < most; ) {
    // Each of the cast once, then all again.
    order = order.length > 0 ? order : [...cast];
    const [name] = order.splice(Math.floor(order.length * next()), 1) as [CutOutName];
    const { type, isHalf } = CUT_OUTS[name];
    const height = one(isHalf ? HALF_HEIGHTS : WHOLE_HEIGHTS);
    const image = await sprite(name, height, next() < 0.5);
    const speed = SPEEDS[0] + (SPEEDS[1] - SPEEDS[0]) * next();
    const feet = isHalf ? HEIGHT : feetOf(background, height) + Math.round(6 * next());
    const y = feet - height;
    const toS = fromS + (WIDTH + image.width) / speed;
    if (toS + PAUSE_SECONDS / 2 > seconds) {
      break;
    }
    passages.push({ fromS, toS, type, what: name, height, sprite: image, fromLeft: next() < 0.5, y, speed });
    fromS = toS + PAUSE_SECONDS + 3 * next();
  }
  return passages;
}

/** P pictures only, as cameras encode. */
const ENCODER = [
  ...['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-crf', '26', '-g', String(2 * FPS)],
  ...['-x264-params', 'slices=1:sliced-threads=0', '-bsf:v', 'h264_metadata=aud=insert', '-f', 'h264'],
];

/** Encodes a scene. @param still its background; @param file where to */
async function encode(scene: Scene, still: Frame, passages: readonly Passage[], file: string): Promise<void> {
  const { noise, make } = WEATHER[scene.weather];
  const next = random(scene.seed);
  const frame = new Frame();
  const sensor = new Noise(noise, next);
  const disturb = make(next);
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`, '-r', String(FPS), '-i', '-'];
  const ffmpeg = spawn('ffmpeg', ['-v', 'error', '-y', ...raw, ...ENCODER, file], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(ffmpeg, 'close') as Promise<[number | null]>;
  for (let i = 0; i < scene.seconds * FPS; i += 1) {
    const second = i / FPS;
    frame.copy(still);
    for (const passage of passages) {
      if (second >= passage.fromS && second <= passage.toS) {
        // A step lifts the body a little.
        const step = Math.round(0.015 * passage.height * Math.abs(Math.sin(5.5 * second)));
        frame.paste(passage.sprite, leftOf(passage, second), passage.y - step);
      }
    }
    disturb(frame, second);
    sensor.add(frame);
    // The stream keeps what it is given.
    if (!ffmpeg.stdin.write(Uint8Array.from(frame.data))) {
      await once(ffmpeg.stdin, 'drain');
    }
  }
  ffmpeg.stdin.end();
  const [code] = await ended;
  if (code !== 0) {
    throw new Error(`ffmpeg could not encode ${scene.name}: ${code}`);
  }
}

/** A scene of other pictures, for tests. */
export async function encodeScene(scene: Scene, still: Frame, passages: readonly Passage[]) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-scene-'));
  const file = join(folder, 'scene.h264');
  await encode(scene, still, passages, file);
  return { file, remove: () => rmSync(folder, { recursive: true }) };
}

async function backgroundOf({ background }: Scene): Promise<Frame> {
  const still = new Frame();
  const fit = `scale=${WIDTH}:${HEIGHT}:force_original_aspect_ratio=increase:flags=area,crop=${WIDTH}:${HEIGHT}`;
  still.fill(await rawPictures(await footage(background), fit));
  return still;
}

/** Makes a scene, unless this machine has it. The same seed gives the same pictures. */
export async function makeScene(scene: Scene): Promise<MadeScene> {
  mkdirSync(CACHE, { recursive: true });
  const base = join(CACHE, `${scene.name}-${scene.seed}-${scene.seconds}-${VERSION}`);
  const [file, truth] = [`${base}.h264`, `${base}.json`];
  if (!existsSync(truth)) {
    const passages = await passagesOf(scene, random(scene.seed + 1000));
    const part = `${base}-${process.pid}.part`;
    await encode(scene, await backgroundOf(scene), passages, part);
    renameSync(part, file);
    const presences = passages.map(({ fromS, toS, type, what, height }) => ({ fromS, toS, type, what, height }));
    writeFileSync(truth, JSON.stringify(presences));
  }
  return { file, scene, presences: JSON.parse(readFileSync(truth, 'utf8')) as Presence[] };
}
