import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BAR_CELL_HEIGHT, BAR_COLUMNS, BAR_LINES, BAR_TOP, timeBarCells } from '../../../agent/demo-camera/picture.ts';
import { CLIPS, clip } from './camera.ts';

export interface BarClip {
  readonly video: 'h264' | 'h265' | 'vp8';
  readonly audio?: 'opus' | 'aac' | 'aac 5.1' | 'pcm_alaw' | 'pcm_mulaw';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly kilobitsPerSecond: number;
  /** Time from key frame to key frame. */
  readonly groupSeconds: number;
  /** Number of B-frames, which are sent after pictures shown later; default: none. Not with VP8. */
  readonly bFrames?: number;
  readonly seconds: number;
  /** The sound ends before the pictures; default: with them. */
  readonly soundSeconds?: number;
}

/** Clip of most tests: small, a key frame each second. */
export const SMALL: BarClip = {
  video: 'h264',
  width: 640,
  height: 360,
  fps: 25,
  kilobitsPerSecond: 600,
  groupSeconds: 1,
  seconds: 20,
};

/** Clip that is so small that a page can decode many of them. */
export const TINY: BarClip = { ...SMALL, width: 320, height: 180, fps: 10, kilobitsPerSecond: 150 };

const VIDEO: Record<BarClip['video'], readonly string[]> = {
  h264: ['libx264', '-preset', 'veryfast', '-profile:v', 'high', '-sc_threshold', '0'],
  h265: ['libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:scenecut=0:open-gop=0'],
  vp8: ['libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0'],
};
/** Cameras send packets of 20 ms. */
const TWENTY_MS = ['-ac', '1', '-ar', '8000', '-af', 'aresample=8000,asetnsamples=160'];
const AUDIO: Record<NonNullable<BarClip['audio']>, readonly string[]> = {
  aac: ['aac', '-ac', '1', '-ar', '48000', '-b:a', '64k'],
  opus: ['libopus', '-ac', '2', '-ar', '48000', '-b:a', '64k'],
  'aac 5.1': ['aac', '-ac', '6', '-ar', '48000', '-b:a', '192k'],
  pcm_alaw: ['pcm_alaw', ...TWENTY_MS],
  pcm_mulaw: ['pcm_mulaw', ...TWENTY_MS],
};

let counter = 0;

/** A clip whose pictures show their time in the clip in milliseconds as a bar, with a tone. */
export async function barClip(of: BarClip): Promise<string> {
  const {
    video,
    audio,
    width,
    height,
    fps,
    kilobitsPerSecond,
    groupSeconds,
    bFrames = 0,
    seconds,
    soundSeconds = seconds,
  } = of;
  const groups = bFrames > 0 ? `${groupSeconds}s-b${bFrames}` : `${groupSeconds}s`;
  const sound = soundSeconds === seconds ? '' : `-sound-${soundSeconds}`;
  const name = `bar-${video}-${audio?.replace(' ', '-') ?? 'silent'}-${width}x${height}-${fps}-${kilobitsPerSecond}k-${groups}-${seconds}${sound}.mkv`;
  counter += 1;
  const bars = writeBars(`${name}-${process.pid}-${counter}.gray`, fps, seconds);
  const input = ['-f', 'lavfi', '-i', `testsrc2=s=${width}x${height}:r=${fps}`];
  const bar = [
    '-f',
    'rawvideo',
    '-pix_fmt',
    'gray',
    '-s',
    `${BAR_COLUMNS}x${BAR_LINES}`,
    '-r',
    String(fps),
    '-i',
    bars,
  ];
  const tone = audio
    ? ['-f', 'lavfi', '-i', `sine=f=440:r=48000:d=${soundSeconds}`, '-map', '2:a', '-c:a', ...AUDIO[audio]]
    : [];
  const [toneInput, toneOutput] = [tone.slice(0, 4), tone.slice(4)];
  const place = `[1]scale=${width}:${height * BAR_CELL_HEIGHT * BAR_LINES}:flags=neighbor[b];[0][b]overlay=0:${height * BAR_TOP}[v]`;
  const rate = `${kilobitsPerSecond}k`;
  const coding = ['-b:v', rate, '-maxrate', rate, '-bufsize', rate, '-g', String(groupSeconds * fps)];
  const order = video !== 'vp8' ? ['-bf', String(bFrames)] : [];
  const keys = [...order, '-keyint_min', String(groupSeconds * fps), '-pix_fmt', 'yuv420p', '-t', String(seconds)];
  try {
    const filtered = ['-filter_complex', place, '-map', '[v]', ...toneOutput];
    return await clip(name, [...input, ...bar, ...toneInput, ...filtered, '-c:v', ...VIDEO[video], ...coding, ...keys]);
  } finally {
    rmSync(bars);
  }
}

/** Each picture's cells as one tiny grey picture. */
function writeBars(name: string, fps: number, seconds: number): string {
  mkdirSync(CLIPS, { recursive: true });
  const file = join(CLIPS, name);
  const cells = new Uint8Array(BAR_COLUMNS * BAR_LINES);
  const pictures = new Uint8Array(cells.length * fps * seconds);
  for (let i = 0; i < fps * seconds; i += 1) {
    timeBarCells(Math.round((i * 1000) / fps), cells);
    for (let cell = 0; cell < cells.length; cell += 1) {
      pictures[i * cells.length + cell] = cells[cell] === 1 ? 255 : 0;
    }
  }
  writeFileSync(file, pictures);
  return file;
}
