import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { h264Track } from '../../agent/media/h264/params.ts';
import { fourcc } from '../../agent/media/mp4/box/boxes.ts';
import { bodyOfFirst } from '../../agent/media/mp4/box/walk.ts';
import { parseInit } from '../../agent/media/mp4/read/read.ts';
import type { H264Track } from '../../agent/media/sample/track.ts';
import { clip } from '../peers/cameras/camera.ts';
import { readPlainMp4 } from '../support/media/read-mp4.ts';
import { type Look, lightAt, MOMENTS, type Moment, PRESENT, SCENES, type Scene } from './moments.ts';

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
  /** Key pictures of what happened before. */
  readonly moments: readonly { readonly moment: Moment; readonly key: Uint8Array }[];
  readonly jpeg: Uint8Array;
}

/** Films all scenes and what has happened in them until `nowMs`; `browser` draws them. */
export async function filmScenes(browser: Browser, nowMs: number): Promise<ReadonlyMap<Scene, FilmedScene>> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-scenes-'));
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  try {
    const filmed = new Map<Scene, FilmedScene>();
    for (const scene of SCENES) {
      filmed.set(scene, await film(page, folder, scene, nowMs));
    }
    return filmed;
  } finally {
    await page.close();
    rmSync(folder, { recursive: true });
  }
}

async function film(page: Page, folder: string, scene: Scene, nowMs: number): Promise<FilmedScene> {
  const day = drawing(scene, PRESENT[scene]);
  await draw(page, day);
  const png = join(folder, `${scene}.png`);
  await page.screenshot({ path: png });
  const jpeg = await page.screenshot({ type: 'jpeg', quality: 70 });
  const still = ['-loop', '1', '-framerate', String(SCENE_FPS), '-i', png, '-t', String(SECONDS)];
  // A mast in the wind, and the grain of a small sensor.
  const sway = `scale=1300:-2,crop=1280:720:10+9*sin(2*PI*t/${SECONDS}):5,noise=alls=5:allf=t`;
  const moving = (size: string) => ['-vf', `${sway},scale=${size}`, ...H264, '-crf', '27', ...group(SCENE_FPS)];
  const name = nameOf(scene, day);
  const [main, sub, calm] = await Promise.all([
    clip(`${name}-main.mp4`, [...still, ...moving('1280:720')]),
    clip(`${name}-sub.mp4`, [...still, ...moving('640:360')]),
    clip(`${name}-still.mp4`, [...still, ...STILL]),
  ]);
  const base = readClip(calm);
  const moments: { readonly moment: Moment; readonly key: Uint8Array }[] = [];
  for (const moment of MOMENTS.filter((one) => one.scene === scene)) {
    const then = drawing(scene, moment.look, lightAt(scene, nowMs - moment.hoursAgo * 3_600_000));
    const file = await clip(`${nameOf(scene, then)}-moment.mp4`, async () => {
      await draw(page, then);
      await page.screenshot({ path: png });
      return ['-loop', '1', '-framerate', String(SCENE_FPS), '-i', png, '-frames:v', '1', ...STILL];
    });
    const [key] = readClip(file).units;
    moments.push(...(key ? [{ moment, key: key.data }] : []));
  }
  return { main: readClip(main), sub: readClip(sub), still: base, moments, jpeg };
}

const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-bf', '0', '-sc_threshold', '0'];
const group = (pictures: number) => [
  ...['-g', String(pictures), '-video_track_timescale', '90000'],
  ...['-movflags', '+faststart'],
];
/** Parameter sets are the same in all of these. */
const STILL = [...H264, '-crf', '26', ...group(SCENE_FPS * SECONDS)];

/** The scene's SVG with a look. */
function drawing(scene: Scene, { css, more }: Look, light = ''): string {
  const svg = readFileSync(join(import.meta.dirname, 'scenes', `${scene}.svg`), 'utf8');
  const end = svg.lastIndexOf('<rect width="640" height="360" fill="url(#v)"');
  return `<style>${css}${light}</style>${svg.slice(0, end)}${more}${svg.slice(end)}`;
}

async function draw(page: Page, svg: string): Promise<void> {
  await page.setContent(`<style>*{margin:0}svg{display:block;width:1280px;height:720px}</style>${svg}`);
}

const nameOf = (scene: Scene, svg: string): string =>
  `scene-${scene}-${createHash('sha256').update(svg).digest('hex').slice(0, 8)}`;

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
