import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { h264Track } from '../../agent/media/h264/params.ts';
import { fourcc } from '../../agent/media/mp4/box/boxes.ts';
import { bodyOfFirst } from '../../agent/media/mp4/box/walk.ts';
import { parseInit } from '../../agent/media/mp4/read/read.ts';
import type { H264Track } from '../../agent/media/sample/track.ts';
import { clip } from '../peers/cameras/camera.ts';
import { readPlainMp4 } from '../support/media/read-mp4.ts';

export const SCENES = ['door', 'garden', 'driveway', 'barn', 'hall', 'gate'] as const;
export type Scene = (typeof SCENES)[number];

/** Pictures a second of what cameras stream. */
export const SCENE_FPS = 10;
const SECONDS = 8;
const AVC_CONFIG_OFFSET = 86;

/** Encoded pictures in a ring: the last one leads to the first. */
export interface SceneClip {
  readonly track: H264Track;
  readonly units: readonly { readonly data: Uint8Array; readonly isKey: boolean }[];
}

/** A drawn scene as a camera sees it. */
export interface FilmedScene {
  readonly main: SceneClip;
  readonly sub: SceneClip;
  /** Without any movement: a recording of hours in few bytes. */
  readonly still: SceneClip;
  readonly jpeg: Uint8Array;
}

/** Films all scenes; `browser` draws them. */
export async function filmScenes(browser: Browser): Promise<ReadonlyMap<Scene, FilmedScene>> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-scenes-'));
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  try {
    const filmed = new Map<Scene, FilmedScene>();
    for (const scene of SCENES) {
      const svg = readFileSync(join(import.meta.dirname, 'scenes', `${scene}.svg`), 'utf8');
      await page.setContent(`<style>*{margin:0}svg{display:block;width:1280px;height:720px}</style>${svg}`);
      const png = join(folder, `${scene}.png`);
      await page.screenshot({ path: png });
      const jpeg = await page.screenshot({ type: 'jpeg', quality: 70 });
      const name = `scene-${scene}-${createHash('sha256').update(svg).digest('hex').slice(0, 8)}`;
      filmed.set(scene, { ...(await film(name, png)), jpeg });
    }
    return filmed;
  } finally {
    await page.close();
    rmSync(folder, { recursive: true });
  }
}

async function film(name: string, png: string): Promise<Omit<FilmedScene, 'jpeg'>> {
  const still = ['-loop', '1', '-framerate', String(SCENE_FPS), '-i', png, '-t', String(SECONDS)];
  const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-bf', '0', '-sc_threshold', '0'];
  const group = (pictures: number) => [
    '-g',
    String(pictures),
    '-video_track_timescale',
    '90000',
    '-movflags',
    '+faststart',
  ];
  // A mast in the wind, and the grain of a small sensor.
  const sway = `scale=1300:-2,crop=1280:720:10+9*sin(2*PI*t/${SECONDS}):5,noise=alls=5:allf=t`;
  const moving = (size: string) => ['-vf', `${sway},scale=${size}`, ...h264, '-crf', '27', ...group(SCENE_FPS)];
  const [main, sub, calm] = await Promise.all([
    clip(`${name}-main.mp4`, [...still, ...moving('1280:720')]),
    clip(`${name}-sub.mp4`, [...still, ...moving('640:360')]),
    clip(`${name}-still.mp4`, [...still, ...h264, '-crf', '26', ...group(SCENE_FPS * SECONDS)]),
  ]);
  return { main: readClip(main), sub: readClip(sub), still: readClip(calm) };
}

function readClip(file: string): SceneClip {
  const bytes = readFileSync(file);
  const [found] = parseInit(bytes)?.tracks ?? [];
  const samples = found && readPlainMp4(bytes).get(found.id);
  if (!samples) {
    throw new Error(`${file} has no pictures`);
  }
  const config = Buffer.from(bodyOfFirst(found.sampleEntry.subarray(AVC_CONFIG_OFFSET), fourcc('avcC'), 0) ?? []);
  const [sps, rest] = withLength(config.subarray(6));
  const [pps] = withLength(rest.subarray(1));
  const sets = Buffer.concat([sps, pps].flatMap((set) => [Uint8Array.of(0, 0, 0, set.length), set]));
  return {
    track: h264Track(sps, [pps]),
    units: samples.map(({ data, isSync }) => ({ data: isSync ? Buffer.concat([sets, data]) : data, isKey: isSync })),
  };
}

const withLength = (bytes: Buffer): [Buffer, Buffer] => {
  const end = 2 + bytes.readUInt16BE(0);
  return [bytes.subarray(2, end), bytes.subarray(end)];
};
