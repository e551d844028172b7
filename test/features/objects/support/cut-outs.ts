import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FootageName, footage } from './footage.ts';

export type LabelType = 'person' | 'vehicle' | 'animal';

interface CutOut {
  readonly footage: FootageName;
  readonly type: LabelType;
  /** The lower end is missing in the footage: it stands at the lower edge of the scene. */
  readonly isHalf: boolean;
  /** Drawn by hand, in pixels of the footage: x y x y … */
  readonly outline: string;
}

const person = (of: FootageName, isHalf: boolean, outline: string): CutOut => ({
  ...{ footage: of, isHalf, outline },
  type: 'person',
});

/** Stills move as they are: their limbs do not. */
export const CUT_OUTS = {
  coat: person(
    'bus',
    false,
    '105 405 125 398 155 405 158 435 150 450 178 475 185 520 200 560 195 600 188 640 192 695 182 700 190 780 200 850 240 870 245 885 205 897 175 895 178 850 165 800 140 720 122 705 108 800 95 850 105 890 95 900 55 895 52 880 60 850 60 780 75 700 58 695 60 610 58 560 65 500 100 455 100 430',
  ),
  dark: person(
    'bus',
    false,
    '265 415 285 406 305 412 308 440 302 468 330 485 340 530 338 560 325 580 338 640 340 705 325 745 285 785 300 810 295 820 287 822 293 850 285 858 252 852 258 800 245 750 243 705 226 700 230 640 238 580 235 520 250 480 272 465 265 440',
  ),
  player: person(
    'player',
    false,
    '70 88 95 88 130 105 165 118 205 112 208 80 225 63 255 65 265 95 255 108 285 115 305 138 345 155 378 155 375 175 350 172 305 150 285 160 298 210 340 235 380 240 420 258 455 275 450 290 420 278 375 265 330 272 280 270 265 290 300 315 308 332 255 335 250 318 225 295 222 270 228 245 205 190 195 152 160 135 70 98',
  ),
  thrower: person(
    'ball',
    false,
    '38 150 60 140 62 115 57 95 75 80 98 85 103 115 95 140 120 155 120 110 150 95 180 110 178 140 155 165 150 215 130 205 132 290 130 360 132 440 155 465 150 472 108 462 105 400 90 360 82 450 85 475 40 478 42 400 45 290 38 200',
  ),
  catcher: person(
    'ball',
    true,
    '512 35 540 22 580 25 605 45 612 90 600 130 639 160 639 479 490 479 500 440 500 350 505 310 480 290 440 240 440 220 455 220 500 275 505 190 530 150 552 130 515 105',
  ),
  pointing: person(
    'coaches',
    true,
    '165 718 186 568 180 419 254 344 449 314 494 299 488 239 569 198 644 225 664 299 659 374 674 434 898 449 988 413 1146 407 1146 425 1093 464 1018 494 808 515 653 515 650 718',
  ),
  standing: person(
    'coaches',
    true,
    '898 120 907 54 988 36 1069 75 1063 180 1033 254 1152 314 1212 479 1233 718 784 718 784 533 748 449 763 299 913 245',
  ),
  astronaut: person(
    'astronaut',
    true,
    '156 65 181 19 237 8 297 48 297 113 277 137 305 226 342 266 366 306 361 347 423 339 495 403 511 511 20 511 24 355 35 306 108 258 116 161 161 148',
  ),
  cameraman: person(
    'cameraman',
    true,
    '161 97 177 68 234 61 269 97 323 137 326 177 303 258 266 282 202 266 161 323 140 363 150 511 8 511 5 258 48 161 105 129',
  ),
  motorcycle: {
    footage: 'motorcycle',
    type: 'vehicle',
    isHalf: false,
    outline:
      '87 203 139 160 225 186 347 160 407 133 503 107 520 73 558 125 563 177 641 298 685 385 667 437 607 451 537 402 503 333 468 385 329 420 225 399 147 385 121 316 130 246',
  },
  car: {
    footage: 'car',
    type: 'vehicle',
    isHalf: false,
    outline: '79 49 155 26 444 26 505 49 543 140 597 186 597 277 589 429 551 467 64 467 18 429 3 247 26 170',
  },
  cat: {
    footage: 'cat',
    type: 'animal',
    isHalf: true,
    outline: '11 5 332 2 395 5 374 90 364 163 300 237 258 280 195 285 111 299 26 299 16 132',
  },
  dog: {
    footage: 'dog',
    type: 'animal',
    isHalf: true,
    outline: '113 89 153 48 242 32 339 48 427 89 484 169 476 282 419 347 403 476 323 508 97 511 0 460 0 113 97 137',
  },
  squirrel: {
    footage: 'squirrel',
    type: 'animal',
    isHalf: false,
    outline:
      '195 117 242 108 269 134 309 128 353 164 359 184 336 211 349 224 390 238 370 258 316 245 296 298 255 319 222 359 175 345 141 272 148 218 195 177',
  },
} as const satisfies Record<string, CutOut>;
export type CutOutName = keyof typeof CUT_OUTS;

/** One picture as planes of 4:4:4, and how much of each pixel it covers, 0 to 255. */
export interface Sprite {
  readonly width: number;
  readonly height: number;
  readonly planes: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly cover: Uint8Array;
}

/** What ffmpeg makes of a file: raw pictures of 4:4:4. */
export async function rawPictures(file: string, filter: string): Promise<Buffer> {
  const args = ['-nostdin', '-v', 'error', '-i', file, '-vf', `${filter},format=yuv444p`, '-f', 'rawvideo', '-'];
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const pieces: Buffer[] = [];
  let errors = '';
  ffmpeg.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  ffmpeg.stderr.on('data', (piece: Buffer) => {
    errors += piece.toString();
  });
  const [code] = (await once(ffmpeg, 'close')) as [number | null];
  if (code !== 0) {
    throw new Error(`ffmpeg cannot read ${file}: ${errors}`);
  }
  return Buffer.concat(pieces);
}

function pointsOf(outline: string): [number, number][] {
  const numbers = outline.split(' ').map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i] ?? 0, numbers[2 * i + 1] ?? 0]);
}

/** Even-odd rule. */
function isInside(points: readonly (readonly [number, number])[], x: number, y: number): boolean {
  let inside = false;
  points.forEach(([x1, y1], i) => {
    const [x0, y0] = points.at(i - 1) as [number, number];
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) {
      inside = !inside;
    }
  });
  return inside;
}

/** Edges are as soft as those of a lens. */
const SAMPLES = [-0.75, -0.25, 0.25, 0.75];

/** @param height in pixels of the scene */
export async function sprite(name: CutOutName, height: number, isFlipped: boolean): Promise<Sprite> {
  const { outline, footage: of } = CUT_OUTS[name];
  const points = pointsOf(outline);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [fullWidth, fullHeight] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const scale = fullHeight / height;
  const width = Math.round(fullWidth / scale);
  const cut = `crop=${fullWidth}:${fullHeight}:${left}:${top},scale=${width}:${height}:flags=area`;
  const raw = await rawPictures(await footage(of), isFlipped ? `${cut},hflip` : cut);
  const size = width * height;
  const cover = new Uint8Array(size);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let hits = 0;
      for (const dy of SAMPLES) {
        for (const dx of SAMPLES) {
          const at = (x + 0.5 + dx) * scale;
          hits += isInside(points, left + (isFlipped ? fullWidth - at : at), top + (y + 0.5 + dy) * scale) ? 1 : 0;
        }
      }
      cover[y * width + x] = (255 * hits) / SAMPLES.length ** 2;
    }
  }
  const planes = [0, 1, 2].map((plane) => new Uint8Array(raw.subarray(plane * size, (plane + 1) * size)));
  return { width, height, planes: planes as unknown as Sprite['planes'], cover };
}
